// Wires the sims service into a process.
#pragma once

namespace mo {
class App;
}

namespace mo::sims {

void Install(App& app);

}  // namespace mo::sims
