// Stop words by language.
#include "services/rules/stop_words.h"

#include <algorithm>
#include <map>

#include "services/rules/test_engine.h"

namespace mo::rules {
namespace {

v1::LanguageStopWords& AddLanguage(v1::StopWords& words, const std::string& language,
                                   const std::vector<std::string>& added,
                                   const std::vector<std::string>& removed) {
  v1::LanguageStopWords& one = *words.add_languages();
  one.set_language(language);
  for (const std::string& word : added) one.add_added(word);
  for (const std::string& word : removed) one.add_removed(word);
  return one;
}

accounts_v1::Settings SettingsOf(const std::vector<std::string>& languages) {
  accounts_v1::Settings settings;
  for (const std::string& language : languages) settings.add_stop_languages(language);
  return settings;
}

bool Counts(const accounts_v1::Settings& settings, const v1::StopWords& own,
            const std::string& word) {
  return StopWordsOf(settings, own).Contains(text::Fold(word));
}

TEST_CASE("Words of a language count while it is in use", "[stop-words]") {
  v1::StopWords own;
  AddLanguage(own, "de", {"Schluss"}, {"ende", "KUENDIGEN"});
  AddLanguage(own, "xx", {"zzz"}, {});
  const auto all = SettingsOf({}), german = SettingsOf({"de-AT"}), english = SettingsOf({"en"});
  for (const auto& settings : {all, german}) {
    CHECK(Counts(settings, own, "schluss!"));
    CHECK_FALSE(Counts(settings, own, "Ende"));
    CHECK_FALSE(Counts(settings, own, "kündigen"));
    CHECK(Counts(settings, own, "abmelden"));
  }
  CHECK_FALSE(Counts(english, own, "schluss"));
  CHECK(Counts(all, own, "zzz"));
  CHECK_FALSE(Counts(german, own, "zzz"));
  CHECK(Counts(SettingsOf({"en", "XX"}), own, "zzz"));
}

TEST_CASE("A word that two languages share is gone when neither has it", "[stop-words]") {
  v1::StopWords own;
  AddLanguage(own, "de", {}, {"stopp", "stop"});
  const auto both = SettingsOf({"de", "sv"}), german = SettingsOf({"de"});
  CHECK(Counts(both, own, "stopp"));
  CHECK_FALSE(Counts(german, own, "stopp"));
  AddLanguage(own, "sv", {}, {"stopp"});
  CHECK_FALSE(Counts(both, own, "stopp"));
  // Languages with one list, too.
  AddLanguage(own, "cs", {}, {"odhlasit"});
  CHECK(Counts(SettingsOf({"cs", "sk"}), own, "odhlásit"));
  CHECK_FALSE(Counts(SettingsOf({"cs"}), own, "odhlásit"));
  // "stop" is every language's: the account alone takes it away.
  CHECK(Counts(german, own, "stop"));
  own.add_removed("stop");
  CHECK_FALSE(Counts(german, own, "stop"));
}

TEST_CASE("Without words by language the lists are as they always were", "[stop-words]") {
  v1::StopWords own;
  own.add_added("Schluss");
  own.add_removed("ende");
  for (const auto& languages : std::vector<std::vector<std::string>>{{}, {"de"}, {"sv", "en-US"}}) {
    const text::StopWords now = StopWordsOf(SettingsOf(languages), own);
    const text::StopWords before(languages, {"Schluss"}, {"ende"});
    const auto plain = [](const text::StopWords& words) {
      std::vector<std::string> list;
      for (const text::Folded& word : words.words()) list.push_back(word.plain);
      std::sort(list.begin(), list.end());
      return list;
    };
    CHECK(plain(now) == plain(before));
  }
}

TEST_CASE("Stop words are set language by language", "[stop-words]") {
  EngineStory story;
  story.AddChannel("NEWS");
  const auto set = [&](const v1::StopWords& words) {
    v1::SetStopWordsRequest request;
    *request.mutable_stop_words() = words;
    return story.rules.Call(&RuleStub::SetStopWords, story.caller, request);
  };
  const auto languages = [&] {
    auto words = story.rules.Call(&RuleStub::GetStopWords, story.caller, v1::GetStopWordsRequest());
    REQUIRE(words.ok());
    std::map<std::string, v1::LanguageStopWords> by_language;
    for (const v1::LanguageStopWords& one : words->languages()) by_language[one.language()] = one;
    return by_language;
  };
  const auto is_stop = [&](const std::string& text) {
    return story.Test(text, absl::Now()).recognition() == v1::RECOGNITION_STOP;
  };
  CHECK(languages().size() == 26);
  CHECK(languages()["de"].in_use());
  CHECK(languages()["sk"].standard_size() == 3);

  v1::StopWords words;
  AddLanguage(words, "de", {"Schluss"}, {"ende"});
  AddLanguage(words, "en", {"enough"}, {});
  auto answer = set(words);
  REQUIRE(answer.ok());
  CHECK(answer->languages_size() == 26);
  CHECK(is_stop("schluss"));
  CHECK(is_stop("enough"));
  CHECK_FALSE(is_stop("ende"));
  // The flat lists alone leave languages as they are; a language that is named is replaced.
  v1::StopWords flat;
  flat.add_added("basta ya");
  REQUIRE(set(flat).ok());
  CHECK(is_stop("basta ya"));
  CHECK(is_stop("schluss"));
  v1::StopWords german;
  AddLanguage(german, "de", {}, {});
  REQUIRE(set(german).ok());
  CHECK_FALSE(is_stop("basta ya"));
  CHECK_FALSE(is_stop("schluss"));
  CHECK(is_stop("ende"));
  CHECK(languages()["en"].added(0) == "enough");

  accounts_v1::UpdateSettingsRequest settings;
  settings.mutable_settings()->add_stop_languages("de-AT");
  Client<accounts_v1::AccountService> accounts(story.env.app());
  REQUIRE(accounts.Call(&accounts_v1::AccountService::Stub::UpdateSettings, story.caller, settings)
              .ok());
  CHECK(languages()["de"].in_use());
  CHECK_FALSE(languages()["en"].in_use());

  v1::StopWords bad;
  AddLanguage(bad, "de", {"ok", "!!"}, {});
  AddLanguage(bad, "de", {"news"}, {});
  const auto problems = FieldProblemsOf(set(bad).status());
  std::vector<std::string> found;
  for (const FieldProblem& problem : problems)
    found.push_back(problem.field + " " + problem.reason);
  CHECK_THAT(found, Catch::UnorderedEquals(
                        std::vector<std::string>{"stop_words.languages[0].added[1] BAD_FORMAT",
                                                 "stop_words.languages[1].added[0] IS_KEYWORD",
                                                 "stop_words.languages[1].language DUPLICATE"}));
  v1::StopWords code;
  AddLanguage(code, "de-AT", {"ok"}, {});
  CHECK(FieldsOf(set(code).status()) ==
        std::vector<std::string>{"stop_words.languages[0].language"});
  v1::StopWords nothing;
  nothing.add_removed("stop");
  const v1::LanguageStopWords standard = languages()["de"];
  AddLanguage(nothing, "de", {}, {standard.standard().begin(), standard.standard().end()});
  CHECK(FieldsOf(set(nothing).status()) == std::vector<std::string>{"stop_words.removed"});
}

}  // namespace
}  // namespace mo::rules
