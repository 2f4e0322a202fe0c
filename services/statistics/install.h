// Wires the statistics service into a process.
#pragma once

namespace mo {
class App;
}

namespace mo::statistics {

void Install(App& app);

}  // namespace mo::statistics
