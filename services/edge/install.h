// Wires the edge service.
#pragma once

#include "libs/runtime/app.h"

namespace mo::edge {

class Edge;

// The public REST API. Needs every service of the contracts, in this process or as peers.
void Install(App& app);

// The same; tells how to reach it, e.g. its port.
Edge& InstallEdge(App& app);

}  // namespace mo::edge
