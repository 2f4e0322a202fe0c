// A place in a partition, and the Redis id that it is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace mo::events {

// The id of the last event before the place; 0 is before all events.
using Position = int64_t;

// "12-0", an id of Redis streams.
std::string StreamId(Position position);
// The position that such an id stands for, or nothing.
std::optional<Position> ParseStreamId(absl::string_view text);

}  // namespace mo::events
