#include "libs/text/normalize.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <string>

namespace mo::text {
namespace {

using namespace std::string_literals;  // NOLINT: texts with NUL bytes

struct Case {
  std::string text;
  std::string plain;
  std::string bare;
  std::string expanded;
};

TEST_CASE("Fold: the three foldings") {
  const Case kCases[] = {
      {"Kündigen", "kündigen", "kundigen", "kuendigen"},
      {"KU\u0308NDIGEN", "kündigen", "kundigen", "kuendigen"},  // decomposed
      {"Straße", "strasse", "strasse", "strasse"},
      {"STRAẞE", "strasse", "strasse", "strasse"},
      {"ＳＴＯＰ", "stop", "stop", "stop"},
      {"ⓢⓣⓞⓟ", "stop", "stop", "stop"},
      {"İptal", "i\u0307ptal", "iptal", "iptal"},
      {"ıptal", "ıptal", "iptal", "iptal"},
      {"ΣΤΟΠΣ", "στοπσ", "στοπσ", "στοπσ"},
      {"στοπς", "στοπσ", "στοπσ", "στοπσ"},  // final sigma
      {"Łódź", "łódź", "lodz", "lodz"},
      {"Smørrebrød", "smørrebrød", "smorrebrod", "smoerrebroed"},
      {"إلغاء", "إلغاء", "الغاء", "الغاء"},
      {"توقـــف", "توقـــف", "توقف", "توقف"},
      {"हिंदी", "हिंदी", "हिंदी", "हिंदी"},  // vowel signs are letters
      {"が", "が", "が", "が"},          // not か
      {"s\u0337t\u0337o\u0337p\u0337", "s\u0337t\u0337o\u0337p\u0337", "stop", "stop"},
  };
  for (const Case& c : kCases) {
    INFO(c.text);
    const Folded folded = Fold(c.text);
    CHECK(folded.plain == c.plain);
    CHECK(folded.bare == c.bare);
    CHECK(folded.expanded == c.expanded);
  }
}

TEST_CASE("Fold: what is dropped and what is kept") {
  const std::pair<std::string, std::string> kCases[] = {
      {"", ""},
      {" \t\r\n ", ""},
      {"...!?", ""},
      {"🙏", ""},
      {"👨‍👩‍👧‍👦", ""},
      {"🏳️‍🌈 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🇦🇹", ""},
      {"„Stopp“", "stopp"},
      {"»Stop«", "stop"},
      {"'stop'", "stop"},
      {"*stop*", "stop"},
      {"~stop~", "stop"},
      {"/stop", "stop"},
      {"<stop>", "stop"},
      {"´stop´", "stop"},
      {"stop 🙏", "stop"},
      {"👨‍👩‍👧‍👦 stop 👍🏽👍🏿", "stop"},
      {"stop ™", "stop"},
      {"stop ℹ️", "stop"},
      {"Stop ✓", "stop"},
      {"stop❤️", "stop"},
      {"opt–out", "opt-out"},
      {"d’accord", "d'accord"},
      {"stop \t\n  sport", "stop sport"},
      {"stop\u00A0\u3000sport", "stop sport"},
      {"a🙏b", "a🙏b"},
      {"1️⃣", "1"},
      {"C++", "c++"},
      {"#news", "news"},
      {"5€", "5€"},
      // invisible characters
      {"STOP\u200B", "stop"},
      {"\uFEFFst\u200Bo\u2060p", "stop"},
      {"\u202Estop\u202C", "stop"},
      {"\u2067stop\u2069", "stop"},
      {"st\u00ADop", "stop"},
      {"stop\uFE0F", "stop"},
      {"st\0op\0"s, "stop"},
      {"\0\0"s, ""},
      {"\x01stop\x7F", "stop"},
      // combining marks without a letter
      {"\u0301\u0301", ""},
      {"\u0301stop", "stop"},
      {"stop !\u0301", "stop"},
      // not UTF-8
      {"stop\xF0\x9F\x99", "stop"},
      {"\xFFstop\xFE", "stop"},
      {"\xC0\xAF", ""},
      {"\xED\xA0\x80", ""},
      {"st\xFFop", "st\uFFFDop"},
  };
  for (const auto& [text, plain] : kCases) {
    INFO(text);
    CHECK(Fold(text).plain == plain);
  }
}

TEST_CASE("Fold is idempotent") {
  for (const char* text : {"„Kündigen!“ 🙏", "İPTAL", "Œuvre – ½ ﷺ", "ＡＢＣ ﬁ ẞ", "\u1E9B\u0323",
                           "στοπς", "توقـف", "Ⓜ️x™y"}) {
    const Folded once = Fold(text);
    const Folded twice = Fold(once.plain);
    INFO(text);
    CHECK(once.plain == twice.plain);
    CHECK(once.bare == twice.bare);
    CHECK(once.expanded == twice.expanded);
  }
}

TEST_CASE("Same") {
  const auto same = [](const char* a, const char* b) {
    CHECK(Same(Fold(a), Fold(b)) == Same(Fold(b), Fold(a)));
    return Same(Fold(a), Fold(b));
  };
  CHECK(same("kuendigen", "kündigen"));
  CHECK(same("kündigen", "kundigen"));
  CHECK(same("KÜNDIGEN!", "„kündigen“"));
  CHECK(same("Arrêt", "arret"));
  CHECK(same("İPTAL", "iptal"));
  CHECK_FALSE(same("kuendigen", "kundigen"));
  CHECK_FALSE(same("stop", "stopp"));
  CHECK_FALSE(same("", ""));
  CHECK_FALSE(same("🙏", "!"));
}

TEST_CASE("stop signs") {
  for (const char* text : {"🛑", "✋", "⛔", "⛔️", "✋🏽", " 🛑🛑 ", "🛑 ✋🏿"})
    CHECK(IsStopSign(text));
  for (const char* text : {"", " ", "🙏", "🛑🙏", "🛑 stop", "🤚", "🏽", "!"})
    CHECK_FALSE(IsStopSign(text));
  CHECK(ContainsStopSign("Sport 🛑"));
  CHECK_FALSE(ContainsStopSign("Sport 🙏"));
}

// What would take minutes if anything were quadratic in it.
TEST_CASE("Fold is linear") {
  std::string marks = "a";
  while (marks.size() < 2'000'000) marks += "\u0301\u0323";
  std::string spaces = "a";
  while (spaces.size() < 2'000'000) spaces += " .🙏";
  std::string marked_noise = "a";
  while (marked_noise.size() < 2'000'000) marked_noise += "!\u0301";
  const auto start = std::chrono::steady_clock::now();
  CHECK(Fold(marks).bare == "a");
  CHECK(Fold(spaces).plain == "a");
  CHECK(Fold(marked_noise).plain == "a");
  CHECK(Fold(std::string(2'000'000, '\xFF')).plain.empty());
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));
}

}  // namespace
}  // namespace mo::text
