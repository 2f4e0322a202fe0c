// Wires the contacts service into a process.
#pragma once

namespace mo {
class App;
}

namespace mo::contacts {

void Install(App& app);

}  // namespace mo::contacts
