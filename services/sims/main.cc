#include "libs/runtime/main.h"

#include "services/sims/install.h"

int main(int argc, char** argv) { return mo::Main(argc, argv, {mo::sims::Install}); }
