#include "libs/runtime/main.h"

#include "services/rules/install.h"

int main(int argc, char** argv) { return mo::Main(argc, argv, {mo::rules::Install}); }
