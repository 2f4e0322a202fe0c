#include "libs/runtime/main.h"

#include "services/contacts/install.h"

int main(int argc, char** argv) { return mo::Main(argc, argv, {mo::contacts::Install}); }
