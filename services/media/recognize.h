// What kind of file some bytes are. Headers are read, nothing is decoded.
#pragma once

#include <cstdint>
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

// MEDIA_TYPE_UNKNOWN (also when it is cut short or malformed), MEDIA_TOO_LARGE, IMAGE_TOO_LARGE.
// Takes time in proportion to the bytes, whatever they say.
absl::StatusOr<Recognized> Recognize(absl::string_view data);

}  // namespace mo::media
