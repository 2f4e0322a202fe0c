#include "libs/text/matcher.h"

#include <unicode/locid.h>
#include <unicode/unistr.h>

#include <catch2/catch.hpp>
#include <chrono>

#include "absl/strings/str_cat.h"

namespace mo::text {
namespace {

using namespace std::string_literals;  // NOLINT: texts with NUL bytes
using Kind = Decision::Kind;

constexpr int64_t kSport = 7;
constexpr int64_t kNews = 8;
constexpr int64_t kCafe = 9;
constexpr int64_t kMull = 10;
constexpr int64_t kMuell = 11;

const std::vector<Channel>& Channels() {
  static const auto* const kChannels = new std::vector<Channel>{
      {kSport, "Sport", "genug Sport"},
      {kNews, "Börsen News", ""},
      {kCafe, "Café", "Tschüß"},
      {kMull, "mull", ""},
      {kMuell, "müll", ""},
      {12, "", ""},
      {13, "sport", "nochmal Sport"},
  };
  return *kChannels;
}

Decision Match(const std::string& text, MatchOptions options = {}) {
  return Matcher(StopWords(), Channels(), options).Match(text);
}

struct Case {
  std::string text;
  Decision want;
};

void CheckAll(const std::vector<Case>& cases, MatchOptions options = {}) {
  for (const Case& c : cases) {
    const Decision got = Match(c.text, options);
    INFO(c.text);
    CHECK(static_cast<int>(got.kind) == static_cast<int>(c.want.kind));
    CHECK(got.channel_id == c.want.channel_id);
  }
}

TEST_CASE("Match: the table of PROTOCOLS.md, 8.4") {
  CheckAll({
      {"Stopp", {Kind::kStopAll}},
      {"STOP!", {Kind::kStopAll}},
      {"„Stopp“", {Kind::kStopAll}},
      {"stop 🙏", {Kind::kStopAll}},
      {"🛑", {Kind::kNone}},
      {" S t o p ", {Kind::kNone}},
      {"Kündigen", {Kind::kStopAll}},
      {"kuendigen", {Kind::kStopAll}},
      {"KÜNDIGEN", {Kind::kStopAll}},
      {"kundigen", {Kind::kStopAll}},
      {"Arrêt", {Kind::kStopAll}},
      {"Stop Sport", {Kind::kStopChannel, kSport}},
      {"stop sport!", {Kind::kStopChannel, kSport}},
      {"Stop Foo", {Kind::kNone}},
      {"Bitte nicht stoppen", {Kind::kNone}},
      {"Stopp bitte", {Kind::kNone}},
      {"ｓｔｏｐ", {Kind::kStopAll}},
      {"STOP\u200B", {Kind::kStopAll}},
      {"Haltestopp", {Kind::kNone}},
      {"стоп", {Kind::kStopAll}},
      {"", {Kind::kNone}},
      {"🙏👨‍👩‍👧‍👦", {Kind::kNone}},
      {"stop" + std::string(4092, 'x'), {Kind::kNone}},
      {"stop " + std::string(4091, 'x'), {Kind::kNone}},
  });
  CheckAll({{"🛑", {Kind::kStopAll}}}, {.stop_signs = true});
}

TEST_CASE("Match: every default stop word, as written, in capitals and decorated") {
  int count = 0;
  const Matcher matcher(StopWords(), Channels());
  for (const StopWordList& list : DefaultStopWords()) {
    std::vector<std::string> languages;
    languages.emplace_back(list.languages.front());
    const Matcher own(StopWords(languages), {});
    for (absl::string_view word : list.words) {
      INFO(word);
      ++count;
      CHECK(matcher.Match(word).kind == Kind::kStopAll);
      CHECK(own.Match(word).kind == Kind::kStopAll);
      std::string capitals;
      icu::UnicodeString::fromUTF8(std::string(word))
          .toUpper(icu::Locale::getRoot())
          .toUTF8String(capitals);
      CHECK(matcher.Match(capitals).kind == Kind::kStopAll);
      CHECK(matcher.Match(absl::StrCat("  „", word, "!“ 🙏🏽")).kind == Kind::kStopAll);
    }
  }
  CHECK(count == 79);
}

TEST_CASE("Match: stop words as people type them") {
  for (const char* text : {"STOPALL",
                           "OPT-OUT",
                           "Opt–Out",
                           "Opt Out",
                           "remove me",
                           "Keine  Nachrichten\nmehr!",
                           "ARRET",
                           "arrêter",
                           "desabonner",
                           "DÉSINSCRIRE",
                           "odhlasit",
                           "ODHLÁSIŤ",
                           "leallit",
                           "İPTAL",
                           "IPTAL",
                           "iptal",
                           "ΔΙΑΚΟΠΗ",
                           "Διακοπή",
                           "ΣΤΟΠ",
                           "ОТПИСАТЬСЯ",
                           "الغاء",
                           "توقـــف",
                           "rezygnuje",
                           "/stop",
                           "st\u00ADop",
                           "\u202Estop\u202C",
                           "s\u0337t\u0337o\u0337p",
                           "Ende.",
                           "👨‍👩‍👧‍👦stop🏴󠁧󠁢󠁥󠁮󠁧󠁿",
                           "STOP\n\n--"}) {
    INFO(text);
    CHECK(Match(text).kind == Kind::kStopAll);
  }
  CHECK(Match("st\0op\0"s).kind == Kind::kStopAll);
  CHECK(Match("stop\xF0\x9F\x99").kind == Kind::kStopAll);
}

TEST_CASE("Match: ambiguous words are off until the tenant turns them on") {
  for (const char* text : {"aus", "raus", "nein", "no", "lösche mich", "yes", "help"}) {
    INFO(text);
    CHECK(Match(text).kind == Kind::kNone);
    CHECK(Matcher(StopWords({}, {text}), {}).Match(text).kind == Kind::kStopAll);
  }
}

TEST_CASE("Match: channels") {
  CheckAll({
      {"Sport", {Kind::kSubscribe, kSport}},
      {"„SPORT!“ 👍", {Kind::kSubscribe, kSport}},
      {"börsen news", {Kind::kSubscribe, kNews}},
      {"Boersen  News", {Kind::kSubscribe, kNews}},
      {"borsen news", {Kind::kSubscribe, kNews}},
      {"cafe", {Kind::kSubscribe, kCafe}},
      {"Mull", {Kind::kSubscribe, kMull}},
      {"Müll", {Kind::kSubscribe, kMuell}},
      {"Muell", {Kind::kSubscribe, kMuell}},
      {"Sport bitte", {Kind::kNone}},
      {"Sport stop", {Kind::kStopChannel, kSport}},
      {"Sport – Stopp!", {Kind::kStopChannel, kSport}},
      {"Stop: Sport", {Kind::kStopChannel, kSport}},
      {"Stop, „Sport“", {Kind::kStopChannel, kSport}},
      {"stop 🙏 sport", {Kind::kStopChannel, kSport}},
      {"STOP\nBÖRSEN NEWS", {Kind::kStopChannel, kNews}},
      {"boersen news abmelden", {Kind::kStopChannel, kNews}},
      {"keine Nachrichten mehr: Börsen News", {Kind::kStopChannel, kNews}},
      {"Café keine Nachrichten mehr", {Kind::kStopChannel, kCafe}},
      {"kündigen cafe", {Kind::kStopChannel, kCafe}},
      {"unsubscribe mull", {Kind::kStopChannel, kMull}},
      {"unsubscribe müll", {Kind::kStopChannel, kMuell}},
      {"Genug Sport!", {Kind::kStopChannel, kSport}},
      {"nochmal sport", {Kind::kStopChannel, 13}},
      {"tschuess", {Kind::kStopChannel, kCafe}},
      {"Stop Sport News", {Kind::kNone}},
      {"Stop Stop", {Kind::kNone}},
      {"bitte stop sport", {Kind::kNone}},
  });
}

TEST_CASE("Match: a stop sign beside a keyword never subscribes") {
  CheckAll(
      {{"🛑 Sport", {Kind::kNone}}, {"start ⛔", {Kind::kNone}}, {"🛑 Stop", {Kind::kStopAll}}});
  CheckAll({{"🛑 Sport", {Kind::kStopChannel, kSport}},
            {"Sport ✋🏽", {Kind::kStopChannel, kSport}},
            {"🛑🙏", {Kind::kNone}},
            {"✋🏽", {Kind::kStopAll}}},
           {.stop_signs = true});
}

TEST_CASE("Match: opting in again") {
  CheckAll({{"Start", {Kind::kStart}},
            {"ANMELDEN!", {Kind::kStart}},
            {"/start", {Kind::kStart}},
            {"bitte anmelden", {}}});
  CHECK(Matcher(StopWords(), {{5, "start", ""}}).Match("START") == Decision{Kind::kSubscribe, 5});
}

TEST_CASE("Match: a stop of something unknown") {
  CheckAll({{"Stop Foo", {Kind::kStopUnknownChannel}},
            {"Stopp bitte", {Kind::kStopUnknownChannel}},
            {"Stop Foo Bar", {Kind::kNone}},
            {"Stop Sport", {Kind::kStopChannel, kSport}},
            {"Foo Stop", {Kind::kNone}},
            {"Stop", {Kind::kStopAll}}},
           {.prompt_unknown_channel = true});
}

TEST_CASE("Match: a typo is a question, never a stop") {
  for (const char* text :
       {"stpo", "sotp", "stoop", "Stpo!", "stp", "sto", "stob", "tsop", "sttop", "stops"}) {
    INFO(text);
    CHECK(Match(text).kind == Kind::kDidYouMeanStop);
  }
  for (const char* text :
       {"top", "shop", "step", "st", "stoooop", "post", "spot", "stpo sport", "s"}) {
    INFO(text);
    CHECK(Match(text).kind == Kind::kNone);
  }
  CHECK(Matcher(StopWords(), {{5, "stoop", ""}}).Match("Stoop") == Decision{Kind::kSubscribe, 5});
  CHECK(Matcher(StopWords({}, {}, {"stop"}), {}).Match("stpo").kind == Kind::kNone);
}

TEST_CASE("StopWords: languages, extra and removed words") {
  const StopWords german({"de-AT"}, {"Schluss", "🙏"}, {"kuendigen"});
  CHECK(german.Contains(Fold("stop")));
  CHECK(german.Contains(Fold("SCHLUSS!")));
  CHECK_FALSE(german.Contains(Fold("kündigen")));
  CHECK_FALSE(german.Contains(Fold("unsubscribe")));
  CHECK_FALSE(german.Contains(Fold("")));
  CHECK(StopWords({"pt"}).Contains(Fold("stop")));
  CHECK(StopWords({"xx"}).words().size() == 1);
  CHECK(StopWords({"EN"}).Contains(Fold("unsubscribe")));
  CHECK(StopWords().longest_in_words() == 3);
}

TEST_CASE("CheckKeyword") {
  const StopWords words;
  CHECK(CheckKeyword("Sport", words).ok());
  CHECK(CheckKeyword("Börsen News", words).ok());
  CHECK(CheckKeyword("新聞", words).ok());
  CHECK(CheckKeyword("C++", words).ok());
  for (const char* keyword : {"", "  ", "🙏", "!!!", "\u200B", "stop", "STOPP!", "Kuendigen",
                              "kundigen", "ｓｔｏｐ", "İPTAL", "alle", "ALL", "me", "alles"}) {
    INFO(keyword);
    const absl::Status status = CheckKeyword(keyword, words);
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  }
  CHECK(CheckKeyword("aus", words).ok());
  CHECK_FALSE(CheckKeyword("aus", StopWords({}, {"aus"})).ok());
}

TEST_CASE("Match: its time does not depend on the number of channels") {
  std::vector<Channel> channels;
  for (int i = 1; i <= 20'000; ++i)
    channels.push_back({i, absl::StrCat("kanal", i), absl::StrCat("weg", i)});
  const Matcher matcher(StopWords(), channels);
  const auto start = std::chrono::steady_clock::now();
  for (int i = 1; i <= 20'000; ++i) {
    REQUIRE(matcher.Match(absl::StrCat("Stop Kanal", i)) == Decision{Kind::kStopChannel, i});
  }
  // A loop over the channels would be 400 million comparisons of folded texts.
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
}

}  // namespace
}  // namespace mo::text
