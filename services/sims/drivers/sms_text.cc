#include "services/sims/drivers/sms_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace mo::sims {
namespace {

constexpr char32_t kUnreadable = 0xFFFD;
// Capacity of a single message, and of each of several.
constexpr size_t kGsmSingle = 160, kGsmPart = 153, kUcsSingle = 70, kUcsPart = 67;

// Beside ASCII's letters, digits and most signs.
constexpr char32_t kBasic[] =
    U"@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà";
constexpr char32_t kExtension[] = U"\f^{}\\[~]|€";

constexpr std::array<std::pair<char32_t, absl::string_view>, 21> kPlain = {{
    {0x2018, "'"},   {0x2019, "'"},  {0x201A, "'"},  {0x201B, "'"},  {0x2032, "'"},  {0x201C, "\""},
    {0x201D, "\""},  {0x201E, "\""}, {0x201F, "\""}, {0x00AB, "\""}, {0x00BB, "\""}, {0x2039, "'"},
    {0x203A, "'"},   {0x2010, "-"},  {0x2011, "-"},  {0x2012, "-"},  {0x2013, "-"},  {0x2014, "-"},
    {0x2026, "..."}, {0x00A0, " "},  {0x202F, " "},
}};

// The next character; moves on by what it takes, at least one byte.
char32_t Next(absl::string_view& utf8) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(utf8[i]); };
  const unsigned char first = byte(0);
  const size_t length = first < 0x80   ? 1
                        : first < 0xC2 ? 0
                        : first < 0xE0 ? 2
                        : first < 0xF0 ? 3
                        : first < 0xF5 ? 4
                                       : 0;
  char32_t character = length == 1   ? first
                       : length == 2 ? first & 0x1F
                       : length == 3 ? first & 0x0F
                                     : first & 7;
  bool good = length > 0 && length <= utf8.size();
  for (size_t i = 1; good && i < length; ++i) {
    good = (byte(i) & 0xC0) == 0x80;
    character = character << 6 | (byte(i) & 0x3F);
  }
  // Longer than needed, half of a pair, beyond Unicode.
  good = good && !(length == 3 && character < 0x800) && !(length == 4 && character < 0x10000) &&
         !(character >= 0xD800 && character < 0xE000) && character < 0x110000;
  utf8.remove_prefix(good ? length : 1);
  return good ? character : kUnreadable;
}

void Append(char32_t character, std::string& out) {
  const auto put = [&](char32_t bits) { out.push_back(static_cast<char>(bits)); };
  if (character == 0) return;
  if (character < 0x80) {
    put(character);
  } else if (character < 0x800) {
    put(0xC0 | character >> 6);
    put(0x80 | (character & 0x3F));
  } else if (character < 0x10000) {
    put(0xE0 | character >> 12);
    put(0x80 | (character >> 6 & 0x3F));
    put(0x80 | (character & 0x3F));
  } else {
    put(0xF0 | character >> 18);
    put(0x80 | (character >> 12 & 0x3F));
    put(0x80 | (character >> 6 & 0x3F));
    put(0x80 | (character & 0x3F));
  }
}

template <size_t N>
bool In(const char32_t (&set)[N], char32_t character) {
  return std::find(set, set + N - 1, character) != set + N - 1;
}

// Septets of a character; 0: not in the alphabet.
size_t Septets(char32_t character) {
  const bool plain = (character >= 'a' && character <= 'z') ||
                     (character >= 'A' && character <= 'Z') ||
                     (character >= '0' && character <= '9');
  if (plain || In(kBasic, character)) return 1;
  return In(kExtension, character) ? 2 : 0;
}

// Parts that these take, none of which is split.
size_t Parts(const std::vector<size_t>& sizes, size_t units, size_t single, size_t part) {
  if (units <= single) return units == 0 ? 0 : 1;
  size_t parts = 1, used = 0;
  for (size_t size : sizes) {
    if (used + size > part) {
      ++parts;
      used = 0;
    }
    used += size;
  }
  return parts;
}

}  // namespace

SmsSize MeasureSms(absl::string_view utf8) {
  std::vector<size_t> septets, shorts;
  SmsSize size;
  size_t gsm_units = 0, ucs_units = 0;
  while (!utf8.empty()) {
    const char32_t character = Next(utf8);
    septets.push_back(Septets(character));
    shorts.push_back(character >= 0x10000 ? 2 : 1);
    size.gsm7 = size.gsm7 && septets.back() > 0;
    gsm_units += septets.back();
    ucs_units += shorts.back();
  }
  size.units = size.gsm7 ? gsm_units : ucs_units;
  size.parts = size.gsm7 ? Parts(septets, gsm_units, kGsmSingle, kGsmPart)
                         : Parts(shorts, ucs_units, kUcsSingle, kUcsPart);
  return size;
}

std::string PlainPunctuation(absl::string_view utf8) {
  std::string out;
  while (!utf8.empty()) {
    const char32_t character = Next(utf8);
    const auto plain = std::find_if(kPlain.begin(), kPlain.end(),
                                    [&](const auto& entry) { return entry.first == character; });
    if (plain == kPlain.end()) {
      Append(character, out);
    } else {
      out.append(plain->second.data(), plain->second.size());
    }
  }
  return out;
}

std::string FromUtf16(absl::string_view big_endian) {
  const auto unit = [&](size_t i) -> char32_t {
    return static_cast<char32_t>(static_cast<unsigned char>(big_endian[i])) << 8 |
           static_cast<unsigned char>(big_endian[i + 1]);
  };
  std::string out;
  size_t i = 0;
  for (; i + 1 < big_endian.size(); i += 2) {
    const char32_t high = unit(i);
    if (high < 0xD800 || high >= 0xE000) {
      if (high != 0xFEFF) Append(high, out);
      continue;
    }
    const char32_t low = high < 0xDC00 && i + 3 < big_endian.size() ? unit(i + 2) : 0;
    const bool pair = low >= 0xDC00 && low < 0xE000;
    Append(pair ? 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00) : kUnreadable, out);
    if (pair) i += 2;
  }
  if (i < big_endian.size()) Append(kUnreadable, out);
  return out;
}

std::string FromLatin1(absl::string_view bytes) {
  std::string out;
  for (char c : bytes) Append(static_cast<unsigned char>(c), out);
  return out;
}

std::string FromUtf8(absl::string_view bytes) {
  std::string out;
  while (!bytes.empty()) Append(Next(bytes), out);
  return out;
}

}  // namespace mo::sims
