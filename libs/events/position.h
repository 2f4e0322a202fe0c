// A place in a partition, and the Redis id that it is.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace mo::events {

// The id of the last event before the place; 0 is before all events.
using Position = int64_t;

// Where a consumer is that reads no more: behind everything that will ever be.
inline constexpr Position kRetired = std::numeric_limits<Position>::max();

// "12-0", an id of Redis streams.
std::string StreamId(Position position);
// The position that such an id stands for, or nothing.
std::optional<Position> ParseStreamId(absl::string_view text);

}  // namespace mo::events
