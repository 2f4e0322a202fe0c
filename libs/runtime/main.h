// main() of every executable: flags, start, wait for a signal, stop.
#pragma once

#include <vector>

#include "libs/runtime/app.h"

namespace mo {

// Wires one service into an app.
using Install = void (*)(App&);

// Parses flags (each may come from the environment as MO_<FLAG>), installs, starts, prints "ready"
// with the ports, waits for SIGTERM or SIGINT, stops. Returns the exit code.
int Main(int argc, char** argv, const std::vector<Install>& services);

}  // namespace mo
