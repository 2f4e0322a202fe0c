#include "services/media/recognize.h"

#include <algorithm>
#include <optional>

#include "services/media/errors.h"
#include "services/media/formats.h"

namespace mo::media {
namespace {

namespace common = messageorganizer::common::v1;

constexpr size_t kMaxImageBytes = 500000;
constexpr size_t kMaxBytes = 10000000;
constexpr int kMaxPixels = 1600;  // of each side

std::optional<Recognized> Find(absl::string_view data) {
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

}  // namespace

absl::StatusOr<Recognized> Recognize(absl::string_view data) {
  if (data.size() > kMaxBytes) return MediaTooLarge(kMaxBytes);
  std::optional<Recognized> found = Find(data);
  if (!found) return MediaTypeUnknown();
  if (found->kind != common::MEDIA_KIND_IMAGE) return *found;
  if (data.size() > kMaxImageBytes) return MediaTooLarge(kMaxImageBytes);
  if (std::max(found->width, found->height) > kMaxPixels) return ImageTooLarge(kMaxPixels);
  return *found;
}

}  // namespace mo::media
