#include "services/media/formats.h"

#include <algorithm>
#include <array>
#include <limits>

#include "absl/strings/match.h"

namespace mo::media {
namespace {

constexpr absl::string_view kPngSignature("\x89PNG\r\n\x1a\n", 8);

// The big-endian number at an offset; nothing when it reaches over the end.
std::optional<uint64_t> Big(absl::string_view data, size_t offset, size_t bytes) {
  if (offset > data.size() || data.size() - offset < bytes) return std::nullopt;
  uint64_t number = 0;
  for (size_t i = 0; i < bytes; ++i)
    number = number << 8 | static_cast<unsigned char>(data[offset + i]);
  return number;
}

std::optional<Dimensions> Checked(std::optional<uint64_t> width, std::optional<uint64_t> height) {
  constexpr uint64_t kMax = std::numeric_limits<int32_t>::max();
  if (!width || !height || *width == 0 || *height == 0 || *width > kMax || *height > kMax)
    return std::nullopt;
  return Dimensions{static_cast<int32_t>(*width), static_cast<int32_t>(*height)};
}

bool IsFrameHeader(uint64_t marker) {
  return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

// Bytes of the layer III frame whose header is at the offset; nothing when there is none.
std::optional<size_t> Mp3Frame(absl::string_view data, size_t offset) {
  constexpr std::array<int, 15> kRates1 = {0,   32,  40,  48,  56,  64,  80, 96,
                                           112, 128, 160, 192, 224, 256, 320};
  constexpr std::array<int, 15> kRates2 = {0,  8,  16, 24,  32,  40,  48, 56,
                                           64, 80, 96, 112, 128, 144, 160};
  constexpr std::array<int, 3> kSamples = {44100, 48000, 32000};
  const std::optional<uint64_t> header = Big(data, offset, 4);
  if (!header || *header >> 21 != 0x7ff) return std::nullopt;
  const uint64_t version = *header >> 19 & 3;  // 0: 2.5, 2: 2, 3: 1
  const uint64_t layer = *header >> 17 & 3;    // 1: III
  const uint64_t rate = *header >> 12 & 15;
  const uint64_t sample = *header >> 10 & 3;
  if (version == 1 || layer != 1 || rate == 0 || rate == 15 || sample == 3) return std::nullopt;
  const int hertz = kSamples[sample] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
  const int bits = (version == 3 ? kRates1 : kRates2)[rate] * 1000;
  return static_cast<size_t>((version == 3 ? 144 : 72) * bits / hertz) + (*header >> 9 & 1);
}

// The same for an ADTS frame.
std::optional<size_t> AacFrame(absl::string_view data, size_t offset) {
  const std::optional<uint64_t> header = Big(data, offset, 7);
  if (!header || *header >> 44 != 0xfff || (*header >> 41 & 3) != 0) return std::nullopt;
  const uint64_t sample = *header >> 34 & 15;
  const size_t length = *header >> 13 & 0x1fff;
  if (sample > 12 || length < 7) return std::nullopt;
  return length;
}

// Where the sound begins: after an ID3v2 tag and its padding.
size_t SoundOffset(absl::string_view data) {
  if (!absl::StartsWith(data, "ID3")) return 0;
  const std::optional<uint64_t> flags = Big(data, 5, 1);
  const std::optional<uint64_t> size = Big(data, 6, 4);
  if (!size || (*size & 0x80808080) != 0) return data.size();
  const uint64_t bytes =
      (*size >> 24 << 21) | (*size >> 16 & 0x7f) << 14 | (*size >> 8 & 0x7f) << 7 | (*size & 0x7f);
  const uint64_t end = 10 + bytes + ((*flags & 0x10) != 0 ? 10 : 0);
  return std::min(data.find_first_not_of('\0', std::min<uint64_t>(end, data.size())), data.size());
}

// One frame could be chance: another one, a tag or the end must follow it.
template <class Frame>
bool IsSound(absl::string_view data, Frame frame) {
  const size_t start = SoundOffset(data);
  const std::optional<size_t> length = frame(data, start);
  if (!length || *length > data.size() - start) return false;
  const size_t next = start + *length;
  return next == data.size() || absl::StartsWith(data.substr(next), "TAG") ||
         frame(data, next).has_value();
}

}  // namespace

std::optional<Dimensions> ParseJpeg(absl::string_view data) {
  if (!absl::StartsWith(data, "\xff\xd8\xff")) return std::nullopt;
  std::optional<Dimensions> found;
  for (size_t offset = 2;;) {
    if (Big(data, offset, 1) != 0xff) return std::nullopt;
    while (Big(data, offset, 1) == 0xff) ++offset;  // markers may be padded
    const std::optional<uint64_t> marker = Big(data, offset, 1);
    const std::optional<uint64_t> length = Big(data, offset + 1, 2);
    if (!marker || !length || *length < 2 || *length > data.size() - offset - 1)
      return std::nullopt;
    if (*marker < 0xc0 || (*marker >= 0xd0 && *marker <= 0xd9)) return std::nullopt;
    if (*marker == 0xda) {
      const bool ends = data.find("\xff\xd9", offset) != absl::string_view::npos;
      return ends ? found : std::nullopt;
    }
    if (IsFrameHeader(*marker)) {
      // A second one would let the picture be larger than what we looked at.
      if (found || *length < 8) return std::nullopt;
      found = Checked(Big(data, offset + 6, 2), Big(data, offset + 4, 2));
      if (!found) return std::nullopt;
    }
    offset += 1 + *length;
  }
}

std::optional<Dimensions> ParsePng(absl::string_view data) {
  if (!absl::StartsWith(data, kPngSignature)) return std::nullopt;
  std::optional<Dimensions> found;
  bool pixels = false;
  for (size_t offset = kPngSignature.size();;) {
    const std::optional<uint64_t> length = Big(data, offset, 4);
    if (!length || data.size() - offset < 12 || *length > data.size() - offset - 12)
      return std::nullopt;
    const absl::string_view type = data.substr(offset + 4, 4);
    // The header comes first, and once.
    if ((type == "IHDR") != !found) return std::nullopt;
    if (type == "IHDR") {
      if (*length != 13) return std::nullopt;
      found = Checked(Big(data, offset + 8, 4), Big(data, offset + 12, 4));
      if (!found) return std::nullopt;
    }
    if (type == "IDAT") pixels = true;
    if (type == "IEND") return pixels ? found : std::nullopt;
    offset += 12 + *length;
  }
}

bool IsPdf(absl::string_view data) {
  if (!absl::StartsWith(data, "%PDF-")) return false;
  constexpr size_t kTail = 1024;  // where readers look for the end
  const size_t start = data.size() > kTail ? data.size() - kTail : 0;
  return absl::StrContains(data.substr(start), "%%EOF");
}

bool IsMp3(absl::string_view data) { return IsSound(data, Mp3Frame); }

bool IsAac(absl::string_view data) { return IsSound(data, AacFrame); }

Mp4 ParseMp4(absl::string_view data) {
  constexpr absl::string_view kVideo[] = {"isom", "iso2", "iso3", "iso4", "iso5", "iso6", "iso7",
                                          "iso8", "iso9", "mp41", "mp42", "avc1", "M4V "};
  const std::optional<uint64_t> first = Big(data, 0, 4);
  if (!first || *first < 16 || *first > data.size() || data.substr(4, 4) != "ftyp")
    return Mp4::kNone;
  // The main brand decides; the compatible ones of a HEIC say much.
  const absl::string_view brand = data.substr(8, 4);
  const Mp4 kind = brand == "M4A " || brand == "M4B " ? Mp4::kAudio
                   : std::find(std::begin(kVideo), std::end(kVideo), brand) != std::end(kVideo)
                       ? Mp4::kVideo
                       : Mp4::kNone;
  bool described = false;
  for (size_t offset = 0; offset < data.size();) {
    const std::optional<uint64_t> length = Big(data, offset, 4);
    const absl::string_view type = data.substr(offset).substr(0, 8);
    if (!length || type.size() < 8) return Mp4::kNone;
    // 0: up to the end; 1: a long number follows.
    const uint64_t size = *length == 0   ? data.size() - offset
                          : *length == 1 ? Big(data, offset + 8, 8).value_or(0)
                                         : *length;
    if (size < (*length == 1 ? 16 : 8) || size > data.size() - offset) return Mp4::kNone;
    if (type.substr(4) == "moov") described = true;
    offset += size;
  }
  return described ? kind : Mp4::kNone;
}

}  // namespace mo::media
