// Wires the media service into a process.
#pragma once

namespace mo {
class App;
}

namespace mo::media {

void Install(App& app);

}  // namespace mo::media
