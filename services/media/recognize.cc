#include "services/media/recognize.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "re2/re2.h"
#include "services/media/errors.h"
#include "services/media/formats.h"

namespace mo::media {
namespace {

namespace common = messageorganizer::common::v1;

constexpr size_t kMaxImageBytes = 500000;
constexpr int kMaxPixels = 1600;  // of each side

// "audio/ogg; codecs=opus" → "audio/ogg"; "" if it is no type. It comes from a stranger and ends up
// in a header.
std::string TypeIn(absl::string_view stated) {
  std::string type = absl::AsciiStrToLower(
      absl::StripAsciiWhitespace(stated.substr(0, std::min(stated.find(';'), stated.size()))));
  static const re2::RE2 form("[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}");
  return re2::RE2::FullMatch(type, form) ? type : "";
}

}  // namespace

std::optional<Recognized> RecognizeType(absl::string_view data) {
  std::optional<Dimensions> dimensions;
  if ((dimensions = ParseJpeg(data)))
    return Recognized{common::MEDIA_KIND_IMAGE, "image/jpeg", dimensions->width,
                      dimensions->height};
  if ((dimensions = ParsePng(data)))
    return Recognized{common::MEDIA_KIND_IMAGE, "image/png", dimensions->width, dimensions->height};
  if (IsPdf(data)) return Recognized{common::MEDIA_KIND_DOCUMENT, "application/pdf"};
  if (IsMp3(data)) return Recognized{common::MEDIA_KIND_AUDIO, "audio/mpeg"};
  if (IsAac(data)) return Recognized{common::MEDIA_KIND_AUDIO, "audio/aac"};
  switch (ParseMp4(data)) {
    case Mp4::kAudio:
      return Recognized{common::MEDIA_KIND_AUDIO, "audio/mp4"};
    case Mp4::kVideo:
      return Recognized{common::MEDIA_KIND_VIDEO, "video/mp4"};
    case Mp4::kNone:
      return std::nullopt;
  }
  return std::nullopt;
}

Recognized RecognizeInbound(absl::string_view data, absl::string_view stated_type) {
  if (std::optional<Recognized> known = RecognizeType(data)) return *std::move(known);
  std::string type = TypeIn(stated_type);
  if (type.empty()) type = "application/octet-stream";
  const common::MediaKind kind = absl::StartsWith(type, "image/")   ? common::MEDIA_KIND_IMAGE
                                 : absl::StartsWith(type, "audio/") ? common::MEDIA_KIND_AUDIO
                                 : absl::StartsWith(type, "video/") ? common::MEDIA_KIND_VIDEO
                                                                    : common::MEDIA_KIND_DOCUMENT;
  return {kind, std::move(type)};
}

absl::StatusOr<Recognized> Recognize(absl::string_view data) {
  if (data.size() > kMaxFileBytes) return MediaTooLarge(kMaxFileBytes);
  std::optional<Recognized> found = RecognizeType(data);
  if (!found) return MediaTypeUnknown();
  if (found->kind != common::MEDIA_KIND_IMAGE) return *found;
  if (data.size() > kMaxImageBytes) return MediaTooLarge(kMaxImageBytes);
  if (std::max(found->width, found->height) > kMaxPixels) return ImageTooLarge(kMaxPixels);
  return *found;
}

}  // namespace mo::media
