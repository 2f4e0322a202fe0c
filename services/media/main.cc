#include "libs/runtime/main.h"

#include "services/media/install.h"

int main(int argc, char** argv) { return mo::Main(argc, argv, {mo::media::Install}); }
