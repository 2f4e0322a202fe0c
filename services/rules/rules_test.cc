#include "services/rules/rules.h"

#include <algorithm>

#include "services/rules/test_story.h"

namespace mo::rules {
namespace {

using Stub = v1::RuleService::Stub;

TEST_CASE("Standard answers are the product's until they are set, each language for itself") {
  TestStory story;
  const auto get = [&](const std::string& language) {
    v1::GetStandardAnswersRequest request;
    request.set_language(language);
    auto answers = story.rules.Call(&Stub::GetStandardAnswers, story.caller, request);
    REQUIRE(answers.ok());
    return *answers;
  };
  CHECK(get("de").welcome_text() == AnswersFor({}, "de", "").welcome_text());
  CHECK(get("fr").language() == "fr");
  CHECK(get("fr").welcome_text() == AnswersFor({}, "en", "").welcome_text());
  v1::StandardAnswers german = ShortAnswers();
  german.set_language("de-AT");
  german.set_welcome_text("");
  REQUIRE(story.SetAnswers(german).ok());
  CHECK(get("de-at").welcome_text().empty());
  CHECK(get("de-AT").stop_text() == "stopped");
  CHECK(get("de").stop_text() == AnswersFor({}, "de", "").stop_text());

  german.set_leave_text("{{chanel}}");
  german.set_stop_text("{{name");
  auto problems = FieldProblemsOf(story.SetAnswers(german).status());
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].field == "answers.stop_text");
  CHECK(problems[1].field == "answers.leave_text");
  CHECK(get("de-AT").leave_text() == "left {{channel}}");
}

TEST_CASE("Stop words are added and removed, never a channel's keyword, never all") {
  TestStory story;
  story.AddChannel("NEWS");
  const auto set = [&](const std::vector<std::string>& added,
                       const std::vector<std::string>& removed) {
    v1::SetStopWordsRequest request;
    for (const auto& word : added) request.mutable_stop_words()->add_added(word);
    for (const auto& word : removed) request.mutable_stop_words()->add_removed(word);
    return story.rules.Call(&Stub::SetStopWords, story.caller, request);
  };
  const auto recognise = [&](const std::string& text) {
    v1::TestRulesRequest request;
    request.set_text(text);
    return story.rules.Call(&Stub::TestRules, story.caller, request)->recognition();
  };
  CHECK(recognise("Schluss") == v1::RECOGNITION_NONE);
  CHECK(recognise("end") == v1::RECOGNITION_STOP);
  REQUIRE(set({"Schluss"}, {"end"}).ok());
  CHECK(recognise("schluss!") == v1::RECOGNITION_STOP);
  CHECK(recognise("end") == v1::RECOGNITION_NONE);
  auto words = story.rules.Call(&Stub::GetStopWords, story.caller, v1::GetStopWordsRequest());
  REQUIRE(words.ok());
  CHECK(words->added(0) == "Schluss");
  CHECK(words->removed(0) == "end");
  CHECK(std::count(words->standard().begin(), words->standard().end(), "end") == 1);

  auto problems = FieldProblemsOf(set({"ok", "!!", "news"}, {}).status());
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].field == "stop_words.added[1]");
  CHECK(problems[1].field == "stop_words.added[2]");
  CHECK(problems[1].reason == "IS_KEYWORD");

  accounts_v1::UpdateSettingsRequest settings;
  settings.mutable_settings()->add_stop_languages("sv");
  Client<accounts_v1::AccountService> accounts(story.env.app());
  REQUIRE(accounts.Call(&accounts_v1::AccountService::Stub::UpdateSettings, story.caller, settings)
              .ok());
  words = story.rules.Call(&Stub::GetStopWords, story.caller, v1::GetStopWordsRequest());
  std::vector<std::string> all(words->standard().begin(), words->standard().end());
  CHECK(std::count(all.begin(), all.end(), "unsubscribe") == 0);
  CHECK(std::count(all.begin(), all.end(), "avsluta") == 1);
  CHECK(FieldProblemsOf(set({}, all).status()).at(0).field == "stop_words.removed");
}

TEST_CASE("A rule is tried without doing anything") {
  TestStory story;
  REQUIRE(story.SetAnswers(ShortAnswers()).ok());
  const channels_v1::Channel news = story.AddChannel("NEWS");
  v1::TestRulesRequest request;
  request.set_text("news");
  request.set_first_message(true);
  auto evaluation = story.rules.Call(&Stub::TestRules, story.caller, request);
  REQUIRE(evaluation.ok());
  CHECK(evaluation->recognition() == v1::RECOGNITION_SUBSCRIBE);
  CHECK(evaluation->channel_id() == news.id());
  REQUIRE(evaluation->actions_size() == 3);
  CHECK(evaluation->actions(0).text() == "welcome");
  CHECK(evaluation->actions(1).kind() == v1::ACTION_KIND_SUBSCRIBE);
  CHECK(evaluation->actions(2).text() == "joined NEWS");
  CHECK(story.Subscribers(news) == 0);
  CHECK(story.Evaluations().evaluations().empty());
}

TEST_CASE("Evaluations are listed by contact and page, for their account only, for 30 days") {
  TestStory story;
  for (int i = 0; i < 3; ++i) {
    story.Write("+436641000001", "a");
    story.Write("+436641000002", "b");
  }
  story.WaitForEvaluations(6);
  const std::string contact = story.Evaluations().evaluations(0).contact_id();
  v1::ListEvaluationsRequest request;
  request.set_contact_id(contact);
  request.set_page_size(2);
  int count = 0;
  int pages = 0;
  do {
    auto page = story.rules.Call(&Stub::ListEvaluations, story.caller, request);
    REQUIRE(page.ok());
    for (const auto& evaluation : page->evaluations()) {
      CHECK(evaluation.contact_id() == contact);
      ++count;
    }
    request.set_page_token(page->next_page_token());
    ++pages;
  } while (!request.page_token().empty());
  CHECK(count == 3);
  CHECK(pages == 2);
  CHECK(story.rules.Call(&Stub::ListEvaluations, story.env.caller(2), v1::ListEvaluationsRequest())
            ->evaluations()
            .empty());

  auto connection = storage::Connection::Open(story.env.postgres().UrlAs("postgres"));
  REQUIRE(connection.ok());
  REQUIRE((*connection)
              ->Query("UPDATE rules.evaluations SET evaluate_time = now() - interval '31 days' "
                      "WHERE contact_id = $1",
                      storage::Parameters(IdOf(contact)))
              .ok());
  story.agent->Drop();
  story.env.Restart();  // the worker runs at the start
  Client<v1::RuleService> rules(story.env.app());
  WaitFor(
      [&] {
        return rules.Call(&Stub::ListEvaluations, story.caller, v1::ListEvaluationsRequest())
                   ->evaluations_size() == 3;
      },
      "old evaluations to go");
}

}  // namespace
}  // namespace mo::rules
