#include "libs/runtime/main.h"

#include "services/accounts/install.h"

int main(int argc, char** argv) { return mo::Main(argc, argv, {mo::accounts::Install}); }
