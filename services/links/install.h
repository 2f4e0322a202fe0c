// Wires the links service into a process.
#pragma once

namespace mo {
class App;
}

namespace mo::links {

void Install(App& app);

}  // namespace mo::links
