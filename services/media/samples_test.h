// Tiny files for tests, made by hand.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace mo::media::samples {

// The number in big-endian bytes.
inline std::string Big(uint64_t number, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text.push_back(static_cast<char>(number >> (8 * i)));
  return text;
}

inline std::string PngChunk(absl::string_view type, const std::string& body) {
  return Big(body.size(), 4) + std::string(type) + body + Big(0, 4);
}

inline std::string Png(uint32_t width, uint32_t height, size_t padding = 10) {
  return std::string("\x89PNG\r\n\x1a\n", 8) +
         PngChunk("IHDR", Big(width, 4) + Big(height, 4) + std::string("\x08\x02\0\0\0", 5)) +
         PngChunk("IDAT", std::string(padding, 'x')) + PngChunk("IEND", "");
}

inline std::string JpegSegment(int marker, const std::string& body) {
  return "\xff" + Big(static_cast<uint64_t>(marker), 1) + Big(body.size() + 2, 2) + body;
}

inline std::string JpegFrame(int width, int height) {
  return JpegSegment(0xc0, "\x08" + Big(static_cast<uint64_t>(height), 2) +
                               Big(static_cast<uint64_t>(width), 2) + "\x01");
}

inline std::string Jpeg(int width, int height) {
  return "\xff\xd8" + JpegSegment(0xe0, std::string("JFIF\0", 5)) + JpegFrame(width, height) +
         JpegSegment(0xda, "scan") + "pixels\xff\xd9";
}

// 417 bytes: MPEG-1 layer III, 128 kbit/s, 44.1 kHz.
inline std::string Mp3Frame() {
  return "\xff\xfb\x90" + std::string(1, '\0') + std::string(413, 's');
}

inline std::string Mp3() { return Mp3Frame() + Mp3Frame(); }

// With a tag of 20 bytes and 5 bytes of padding before it.
inline std::string TaggedMp3() {
  return std::string("ID3\x04\0\0\0\0\0\x14", 10) + std::string(20, 't') + std::string(5, '\0') +
         Mp3();
}

inline std::string AacFrame() {
  constexpr uint64_t kLength = 17;
  const uint64_t header = 0xfffull << 44 | 1ull << 40 | 1ull << 38 | 4ull << 34 | 2ull << 30 |
                          kLength << 13 | 0x7ffull << 2;
  return Big(header, 7) + std::string(kLength - 7, 's');
}

inline std::string Aac() { return AacFrame() + AacFrame(); }

inline std::string Box(absl::string_view type, const std::string& body) {
  return Big(body.size() + 8, 4) + std::string(type) + body;
}

inline std::string Mp4(absl::string_view brand = "isom") {
  return Box("ftyp", std::string(brand) + Big(512, 4) + "mp42") + Box("mdat", "film") +
         Box("moov", "");
}

inline std::string Pdf() { return "%PDF-1.7\nbody\n%%EOF\n"; }

}  // namespace mo::media::samples
