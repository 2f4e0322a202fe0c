#include "libs/runtime/main.h"

#include "services/statistics/install.h"

int main(int argc, char** argv) { return mo::Main(argc, argv, {mo::statistics::Install}); }
