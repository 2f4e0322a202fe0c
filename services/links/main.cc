#include "libs/runtime/main.h"

#include "services/links/install.h"

int main(int argc, char** argv) { return mo::Main(argc, argv, {mo::links::Install}); }
