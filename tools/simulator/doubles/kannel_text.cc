// The alphabets of SMS.
#include <cstdint>
#include <vector>

#include "absl/strings/match.h"
#include "tools/simulator/doubles/kannel.h"

namespace mo::simulator {

namespace {

constexpr uint32_t kUnknown = 0xFFFD;

// The next code point; what is no UTF-8 is kUnknown.
uint32_t Next(absl::string_view& utf8) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(utf8[i]); };
  const unsigned char lead = byte(0);
  const size_t length = lead < 0x80    ? 1
                        : lead >= 0xF0 ? 4
                        : lead >= 0xE0 ? 3
                        : lead >= 0xC0 ? 2
                                       : 0;
  if (length == 0 || length > utf8.size()) {
    utf8.remove_prefix(1);
    return kUnknown;
  }
  uint32_t point = length == 1 ? lead : lead & (0xFF >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) {
      utf8.remove_prefix(i);
      return kUnknown;
    }
    point = point << 6 | (byte(i) & 0x3Fu);
  }
  utf8.remove_prefix(length);
  return point;
}

void Append(uint32_t point, std::string& utf8) {
  const auto add = [&](uint32_t byte) { utf8.push_back(static_cast<char>(byte)); };
  if (point < 0x80) return add(point);
  if (point < 0x800) {
    add(0xC0 | point >> 6);
  } else if (point < 0x10000) {
    add(0xE0 | point >> 12);
    add(0x80 | (point >> 6 & 0x3F));
  } else {
    add(0xF0 | point >> 18);
    add(0x80 | (point >> 12 & 0x3F));
    add(0x80 | (point >> 6 & 0x3F));
  }
  add(0x80 | (point & 0x3F));
}

// UTF-8 of UTF-16BE; none when it is cut or has half a surrogate pair.
std::optional<std::string> FromUtf16(absl::string_view bytes) {
  if (bytes.size() % 2 != 0) return std::nullopt;
  const auto unit = [&](size_t i) {
    return static_cast<uint32_t>(static_cast<unsigned char>(bytes[i]) << 8 |
                                 static_cast<unsigned char>(bytes[i + 1]));
  };
  std::string utf8;
  for (size_t i = 0; i < bytes.size(); i += 2) {
    uint32_t point = unit(i);
    if (point >= 0xD800 && point < 0xE000) {
      if (point >= 0xDC00 || i + 3 >= bytes.size()) return std::nullopt;
      const uint32_t low = unit(i + 2);
      if (low < 0xDC00 || low >= 0xE000) return std::nullopt;
      point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
      i += 2;
    }
    Append(point, utf8);
  }
  return utf8;
}

bool InGsm(uint32_t point) {
  if (point == '`') return false;
  if ((point >= 0x20 && point < 0x7F) || point == '\n' || point == '\r') return true;
  // The others of the basic table, and the euro of its extension.
  constexpr absl::string_view kOthers = "£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà€";
  std::string one;
  Append(point, one);
  return absl::StrContains(kOthers, one);
}

}  // namespace

std::string ToUtf16(absl::string_view utf8) {
  std::string out;
  const auto add = [&](uint32_t unit) {
    out.push_back(static_cast<char>(unit >> 8));
    out.push_back(static_cast<char>(unit & 0xFF));
  };
  while (!utf8.empty()) {
    const uint32_t point = Next(utf8);
    if (point < 0x10000) {
      add(point);
    } else {
      add(0xD800 + ((point - 0x10000) >> 10));
      add(0xDC00 + ((point - 0x10000) & 0x3FF));
    }
  }
  return out;
}

bool IsGsm(absl::string_view utf8) {
  while (!utf8.empty()) {
    if (!InGsm(Next(utf8))) return false;
  }
  return true;
}

std::optional<std::string> KannelText(absl::string_view text, absl::string_view coding,
                                      absl::string_view charset) {
  if (coding == "2" && (charset.empty() || absl::StartsWithIgnoreCase(charset, "UTF-16BE"))) {
    return FromUtf16(text);
  }
  if (!charset.empty() && !absl::EqualsIgnoreCase(charset, "UTF-8")) return std::nullopt;
  std::string out;
  while (!text.empty()) {
    const uint32_t point = Next(text);
    if (point == kUnknown) return std::nullopt;
    Append(coding == "2" || InGsm(point) ? point : '?', out);
  }
  return out;
}

}  // namespace mo::simulator
