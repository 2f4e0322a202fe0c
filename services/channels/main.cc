#include "libs/runtime/main.h"

#include "services/channels/install.h"

int main(int argc, char** argv) { return mo::Main(argc, argv, {mo::channels::Install}); }
