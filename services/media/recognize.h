// What kind of file some bytes are. Headers are read, nothing is decoded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "messageorganizer/common/v1/content.pb.h"

namespace mo::media {

// A file of a type that we take, within its limits.
struct Recognized {
  messageorganizer::common::v1::MediaKind kind;
  std::string mime_type;
  int32_t width = 0;  // pixels; images only
  int32_t height = 0;
};

// The largest file of any type.
inline constexpr size_t kMaxFileBytes = 10000000;

// What the bytes say, whatever the limits; nothing when they are of no type that we know.
std::optional<Recognized> RecognizeType(absl::string_view data);
// The same of what somebody has sent: with unknown bytes what the network says of them, as far as
// that is a type, else application/octet-stream; a document if it is nothing to look at or hear.
Recognized RecognizeInbound(absl::string_view data, absl::string_view stated_type);

// MEDIA_TYPE_UNKNOWN (also when it is cut short or malformed), MEDIA_TOO_LARGE, IMAGE_TOO_LARGE.
// Takes time in proportion to the bytes, whatever they say.
absl::StatusOr<Recognized> Recognize(absl::string_view data);

}  // namespace mo::media
