// Wires the rules service into a process.
#pragma once

namespace mo {
class App;
}

namespace mo::rules {

void Install(App& app);

}  // namespace mo::rules
