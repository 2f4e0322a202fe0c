#include "libs/runtime/main.h"

#include "services/edge/install.h"

int main(int argc, char** argv) { return mo::Main(argc, argv, {mo::edge::Install}); }
