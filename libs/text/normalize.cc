#include "libs/text/normalize.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/uscript.h>

#include <array>

namespace mo::text {
namespace {

using icu::Normalizer2;
using icu::UnicodeString;

// Stream-safe text (UAX #15) has at most this many combining marks in a row. More of them would
// make normalisation quadratic.
constexpr int kMaxMarks = 30;
constexpr UChar32 kEnclosingKeycap = 0x20E3;

UnicodeString FromUtf8(absl::string_view utf8) {
  return UnicodeString::fromUTF8({utf8.data(), static_cast<int32_t>(utf8.size())});
}

std::string ToUtf8(const UnicodeString& text) {
  std::string out;
  return text.toUTF8String(out);
}

bool IsAscii(const std::string& text) {
  for (unsigned char c : text) {
    if (c >= 0x80) return false;
  }
  return true;
}

bool IsMark(UChar32 c) { return (U_GET_GC_MASK(c) & U_GC_M_MASK) != 0; }

bool IsSpace(UChar32 c) { return u_isUWhiteSpace(c); }

bool IsEmoji(UChar32 c) {
  return u_hasBinaryProperty(c, UCHAR_EXTENDED_PICTOGRAPHIC) ||
         u_hasBinaryProperty(c, UCHAR_EMOJI_PRESENTATION) ||
         u_hasBinaryProperty(c, UCHAR_EMOJI_MODIFIER) ||
         u_hasBinaryProperty(c, UCHAR_REGIONAL_INDICATOR);
}

bool IsStopSignCharacter(UChar32 c) { return c == 0x1F6D1 || c == 0x270B || c == 0x26D4; }

// What says nothing at either end of a command.
bool IsNoise(UChar32 c) {
  constexpr uint32_t kClasses = U_GC_P_MASK | U_GC_SK_MASK | U_GC_CC_MASK | U_GC_CF_MASK;
  return (U_GET_GC_MASK(c) & kClasses) != 0 || IsSpace(c) || IsEmoji(c) ||
         u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) || c == '<' || c == '>' ||
         c == '|' || c == '~';
}

// The same after normalisation. Symbols are noise only then: before it, ⓢⓣⓞⓟ are symbols too.
bool IsNormalizedNoise(UChar32 c) { return IsNoise(c) || (U_GET_GC_MASK(c) & U_GC_SO_MASK) != 0; }

// Cuts noise off both ends, and with it the combining marks that sit on it.
template <typename Predicate>
UnicodeString Trim(const UnicodeString& text, Predicate is_noise) {
  int32_t begin = 0;
  while (begin < text.length()) {
    const UChar32 c = text.char32At(begin);
    if (!is_noise(c) && !IsMark(c)) break;
    begin += U16_LENGTH(c);
  }
  int32_t end = text.length();
  for (int32_t at = end; at > begin;) {
    at = text.moveIndex32(at, -1);
    const UChar32 c = text.char32At(at);
    if (is_noise(c)) {
      end = at;
    } else if (!IsMark(c)) {
      break;
    }
  }
  return UnicodeString(text, begin, end - begin);
}

// Drops control characters (but not those that are spaces), keycap frames ("1️⃣" is a 1) and
// excessive marks.
UnicodeString DropUnprintable(const UnicodeString& text) {
  UnicodeString out;
  int marks = 0;
  for (int32_t i = 0; i < text.length();) {
    const UChar32 c = text.char32At(i);
    i += U16_LENGTH(c);
    if (u_charType(c) == U_CONTROL_CHAR && !IsSpace(c)) continue;
    if (c == kEnclosingKeycap) continue;
    marks = IsMark(c) ? marks + 1 : 0;
    if (marks <= kMaxMarks) out.append(c);
  }
  return out;
}

UChar32 AsciiPunctuation(UChar32 c) {
  switch (c) {
    case 0x2018:
    case 0x2019:
    case 0x201A:
    case 0x201B:
    case 0x2032:
    case 0x2035:
    case 0x2039:
    case 0x203A:
    case 0x02BC:
    case 0x00B4:
      return '\'';
    case 0x201C:
    case 0x201D:
    case 0x201E:
    case 0x201F:
    case 0x00AB:
    case 0x00BB:
    case 0x2033:
    case 0x2036:
      return '"';
    default:
      return u_charType(c) == U_DASH_PUNCTUATION || c == 0x2212 ? '-' : c;
  }
}

// Plain quotes and dashes; each run of white space one blank.
UnicodeString Simplify(const UnicodeString& text) {
  UnicodeString out;
  bool space = false;
  for (int32_t i = 0; i < text.length();) {
    const UChar32 c = text.char32At(i);
    i += U16_LENGTH(c);
    if (IsSpace(c)) {
      space = true;
      continue;
    }
    if (space) out.append(static_cast<UChar32>(' '));
    space = false;
    out.append(AsciiPunctuation(c));
  }
  return out;
}

// Normalises with one of ICU's normalizers, which cannot fail once their data is loaded (it is
// linked in).
UnicodeString Normalize(const Normalizer2* (*instance)(UErrorCode&), const UnicodeString& text) {
  UErrorCode error = U_ZERO_ERROR;
  const Normalizer2* normalizer = instance(error);
  if (U_FAILURE(error)) return text;
  UnicodeString out = normalizer->normalize(text, error);
  return U_FAILURE(error) ? text : out;
}

UnicodeString Plain(absl::string_view utf8) {
  // Emoji go first because NFKC makes letters of some (™, ℹ, Ⓜ). NFKC_Casefold also drops every
  // default-ignorable character: zero-width, bidi, variation selectors, joiners, tags.
  const UnicodeString raw = Trim(DropUnprintable(FromUtf8(utf8)), IsNoise);
  return Trim(Simplify(Normalize(&Normalizer2::getNFKCCasefoldInstance, raw)), IsNormalizedNoise);
}

// A mark that is an accent on a letter rather than a letter of its own: Devanagari and Thai vowels
// belong to their scripts, and the kana voicing marks make a different letter.
bool IsAccent(UChar32 c) {
  if (u_charType(c) != U_NON_SPACING_MARK || c == 0x3099 || c == 0x309A) return false;
  UErrorCode error = U_ZERO_ERROR;
  return uscript_getScript(c, &error) == USCRIPT_INHERITED;
}

struct Replacement {
  UChar32 from;
  const char* to;
};

template <size_t n>
UnicodeString ReplaceAll(const UnicodeString& text, const std::array<Replacement, n>& table) {
  UnicodeString out;
  for (int32_t i = 0; i < text.length();) {
    const UChar32 c = text.char32At(i);
    i += U16_LENGTH(c);
    const char* to = nullptr;
    for (const Replacement& r : table) {
      if (r.from == c) to = r.to;
    }
    if (to == nullptr) {
      out.append(c);
    } else {
      out.append(UnicodeString::fromUTF8(to));
    }
  }
  return out;
}

// Letters with a stroke or no dot do not decompose; the Arabic tatweel only stretches a word.
constexpr std::array<Replacement, 10> kBare = {{{0x131, "i"},
                                                {0x142, "l"},
                                                {0x111, "d"},
                                                {0xF8, "o"},
                                                {0x127, "h"},
                                                {0xE6, "ae"},
                                                {0x153, "oe"},
                                                {0xF0, "d"},
                                                {0xFE, "th"},
                                                {0x640, ""}}};
constexpr std::array<Replacement, 4> kExpanded = {
    {{0xE4, "ae"}, {0xF6, "oe"}, {0xFC, "ue"}, {0xF8, "oe"}}};

UnicodeString Bare(const UnicodeString& plain) {
  const UnicodeString decomposed = Normalize(&Normalizer2::getNFDInstance, plain);
  UnicodeString letters;
  for (int32_t i = 0; i < decomposed.length();) {
    const UChar32 c = decomposed.char32At(i);
    i += U16_LENGTH(c);
    if (!IsAccent(c)) letters.append(c);
  }
  return Normalize(&Normalizer2::getNFCInstance, ReplaceAll(letters, kBare));
}

}  // namespace

Folded Fold(absl::string_view utf8) {
  const UnicodeString plain = Plain(utf8);
  Folded out;
  out.plain = ToUtf8(plain);
  if (IsAscii(out.plain)) {
    out.bare = out.expanded = out.plain;
    return out;
  }
  out.bare = ToUtf8(Bare(plain));
  out.expanded = ToUtf8(Bare(ReplaceAll(plain, kExpanded)));
  return out;
}

bool Same(const Folded& a, const Folded& b) {
  for (const std::string* x : {&a.plain, &a.bare, &a.expanded}) {
    if (x->empty()) continue;
    if (*x == b.plain || *x == b.bare || *x == b.expanded) return true;
  }
  return false;
}

bool IsStopSign(absl::string_view utf8) {
  const UnicodeString text = FromUtf8(utf8);
  bool found = false;
  for (int32_t i = 0; i < text.length();) {
    const UChar32 c = text.char32At(i);
    i += U16_LENGTH(c);
    if (IsStopSignCharacter(c)) {
      found = true;
    } else if (!IsSpace(c) && !u_hasBinaryProperty(c, UCHAR_EMOJI_MODIFIER) &&
               !u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT)) {
      return false;
    }
  }
  return found;
}

bool ContainsStopSign(absl::string_view utf8) {
  const UnicodeString text = FromUtf8(utf8);
  for (int32_t i = 0; i < text.length();) {
    const UChar32 c = text.char32At(i);
    i += U16_LENGTH(c);
    if (IsStopSignCharacter(c)) return true;
  }
  return false;
}

}  // namespace mo::text
