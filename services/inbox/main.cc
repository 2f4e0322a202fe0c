#include "libs/runtime/main.h"

#include "services/inbox/install.h"

int main(int argc, char** argv) { return mo::Main(argc, argv, {mo::inbox::Install}); }
