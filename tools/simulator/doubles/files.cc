#include "tools/simulator/doubles/files.h"

#include <openssl/sha.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace mo::simulator {

namespace common = messageorganizer::common::v1;

std::string FileBytes(const common::Media& media, const std::string& given) {
  if (!given.empty()) return given;
  std::string bytes;
  if (media.kind() == common::MEDIA_KIND_IMAGE) {
    absl::Base64Unescape(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+"
        "M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
        "gg==",
        &bytes);
  } else {
    bytes = absl::StrCat(media.url(), "\n", media.caption(), "\n");
  }
  if (media.size_bytes() > static_cast<int64_t>(bytes.size())) {
    bytes.resize(static_cast<size_t>(media.size_bytes()));
  }
  return bytes;
}

std::string MimeTypeOf(const common::Media& media) {
  if (!media.mime_type().empty()) return media.mime_type();
  switch (media.kind()) {
    case common::MEDIA_KIND_AUDIO:
      return "audio/ogg";
    case common::MEDIA_KIND_VIDEO:
      return "video/mp4";
    case common::MEDIA_KIND_DOCUMENT:
      return "application/pdf";
    default:
      return "image/png";
  }
}

std::string Sha256Hex(const std::string& data) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(data.data()), data.size(), digest);
  return absl::BytesToHexString({reinterpret_cast<const char*>(digest), sizeof(digest)});
}

}  // namespace mo::simulator
