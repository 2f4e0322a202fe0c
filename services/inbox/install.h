// Wires the inbox service into a process.
#pragma once

namespace mo {
class App;
}

namespace mo::inbox {

void Install(App& app);

}  // namespace mo::inbox
