#include "libs/events/position.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace mo::events {

std::string StreamId(Position position) { return absl::StrCat(position, "-0"); }

std::optional<Position> ParseStreamId(absl::string_view text) {
  Position position = 0;
  if (!absl::SimpleAtoi(text.substr(0, text.find('-')), &position)) return std::nullopt;
  return position;
}

}  // namespace mo::events
