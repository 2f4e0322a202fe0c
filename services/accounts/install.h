// Wires the accounts service into a process.
#pragma once

namespace mo {
class App;
}

namespace mo::accounts {

void Install(App& app);

}  // namespace mo::accounts
