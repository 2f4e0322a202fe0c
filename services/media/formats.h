// The file formats that we take, as far as is needed to tell them: every read is checked against
// the end, no size in a file is believed before that.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace mo::media {

// Pixels; both above 0.
struct Dimensions {
  int32_t width;
  int32_t height;
};

// The size of a JPEG (ITU T.81), or nothing when it is none: segments up to the first scan, exactly
// one frame header, an end of image.
std::optional<Dimensions> ParseJpeg(absl::string_view data);

// The size of a PNG (ISO/IEC 15948), or nothing when it is none: chunks from IHDR to IEND.
std::optional<Dimensions> ParsePng(absl::string_view data);

// PDF (ISO 32000): its header and its end.
bool IsPdf(absl::string_view data);

// MPEG-1/2/2.5 layer III: a frame and what follows it, after an ID3v2 tag if there is one.
bool IsMp3(absl::string_view data);

// AAC in ADTS (ISO/IEC 13818-7): the same.
bool IsAac(absl::string_view data);

// What an MP4 container (ISO/IEC 14496-12) says it is; kNone when it is none, or another use of the
// container, such as HEIC.
enum class Mp4 { kNone, kAudio, kVideo };
Mp4 ParseMp4(absl::string_view data);

}  // namespace mo::media
