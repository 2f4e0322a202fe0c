#include "services/rules/decide.h"

#include <catch2/catch.hpp>

#include "libs/runtime/ids.h"

namespace mo::rules {
namespace {

namespace channels_v1 = messageorganizer::channels::v1;
namespace contacts_v1 = messageorganizer::contacts::v1;

using Words = std::vector<std::string>;

// An account with two channels: News, which has nothing to say itself, and Sport, which has.
struct TestBook {
  AccountRules rules;
  channels_v1::ListKeywordsResponse keywords;

  TestBook() {
    rules.default_language = "de-AT";
    v1::StandardAnswers& english = rules.answers["en"];
    english.set_welcome_text("welcome {{name|stranger}}");
    english.set_stop_text("stopped");
    english.set_leave_text("left {{channel}}");
    english.set_subscribe_text("joined {{channel}}, STOP {{keyword}}");
    Add(1, "News", "NEWS");
    auto& sport = Add(2, "Sport", "Sport");
    sport.set_leave_keyword("no more goals");
    sport.set_welcome_text("goal, {{name|you}} {{attributes.team}}");
    sport.set_leave_text("final whistle");
  }
  channels_v1::Channel& Add(int64_t id, const std::string& name, const std::string& keyword) {
    auto& channel = *keywords.add_channels();
    channel.set_id(FormatId("chn", id));
    channel.set_display_name(name);
    channel.set_keyword(keyword);
    return channel;
  }
  Decision Decide(Occasion occasion) const {
    const Rulebook book(std::make_shared<const AccountRules>(rules), keywords);
    if (occasion.contact.language().empty()) occasion.contact.set_language("en");
    return rules::Decide(book, occasion);
  }
  // The steps in short: "stop", "leave", "join 2", "say …".
  Words Steps(const Occasion& occasion) const {
    Words steps;
    for (const Step& step : Decide(occasion).steps) {
      const int64_t channel = IdOf(step.action.channel_id());
      switch (step.action.kind()) {
        case v1::ACTION_KIND_STOP_CONTACT:
          steps.push_back("stop");
          break;
        case v1::ACTION_KIND_UNSUBSCRIBE:
          steps.push_back(channel == 0 ? "leave all" : "leave " + std::to_string(channel));
          break;
        case v1::ACTION_KIND_SUBSCRIBE:
          steps.push_back("join " + std::to_string(channel));
          break;
        default:
          steps.push_back("say " + step.action.text());
      }
    }
    return steps;
  }
};

Occasion Text(const std::string& text,
              contacts_v1::InboundOutcome outcome = contacts_v1::INBOUND_OUTCOME_KNOWN) {
  Occasion occasion;
  occasion.text = text;
  occasion.outcome = outcome;
  return occasion;
}

TEST_CASE("A known contact's text is obeyed when it is a command, else nothing happens") {
  const TestBook book;
  CHECK(book.Steps(Text("How are you?")).empty());
  CHECK(book.Steps(Text("news!")) == Words{"join 1", "say joined News, STOP NEWS"});
  CHECK(book.Steps(Text("SPORT")) == Words{"join 2", "say goal, you "});
  CHECK(book.Steps(Text("Stop News")) == Words{"leave 1", "say left News"});
  CHECK(book.Steps(Text("No more goals.")) == Words{"leave 2", "say final whistle"});
  CHECK(book.Steps(Text("STOPP!")) == Words{"stop", "leave all", "say stopped"});
  CHECK(book.Steps(Text("Stop Foo")).empty());
  CHECK(book.Steps(Text("Start")).empty());
  CHECK(book.Decide(Text("Start")).recognition == v1::RECOGNITION_START);
  CHECK(book.Decide(Text("Sport stop")).recognition == v1::RECOGNITION_STOP_CHANNEL);
  CHECK(book.Decide(Text("Sport stop")).channel_id == FormatId("chn", 2));
}

TEST_CASE("A first message is welcomed, its channels joined, then obeyed") {
  const TestBook book;
  for (const auto outcome :
       {contacts_v1::INBOUND_OUTCOME_ACTIVATED, contacts_v1::INBOUND_OUTCOME_REGISTERED,
        contacts_v1::INBOUND_OUTCOME_REACTIVATED}) {
    CHECK(book.Steps(Text("Hi", outcome)) == Words{"say welcome stranger"});
  }
  Occasion occasion = Text("sport", contacts_v1::INBOUND_OUTCOME_ACTIVATED);
  occasion.contact.set_display_name("Ann");
  (*occasion.contact.mutable_attributes())["team"] = "A";
  // 3 was deleted since; 2 is what the text names anyway.
  occasion.chosen_channels = {FormatId("chn", 1), FormatId("chn", 2), FormatId("chn", 3)};
  CHECK(book.Steps(occasion) == Words{"say welcome Ann", "join 1", "join 2", "say goal, Ann A"});
  occasion.text = "Hi";
  CHECK(book.Steps(occasion) == Words{"say welcome Ann", "join 1", "join 2", "say goal, Ann A"});
}

TEST_CASE("A first message that stops is not welcomed; without a SIM nothing happens at all") {
  const TestBook book;
  Occasion occasion = Text("Stop", contacts_v1::INBOUND_OUTCOME_ACTIVATED);
  occasion.chosen_channels = {FormatId("chn", 1)};
  CHECK(book.Steps(occasion) == Words{"stop", "leave all", "say stopped"});
  Decision decision = book.Decide(occasion);
  Silence(decision);
  CHECK(decision.steps.size() == 2);
  CHECK(book.Steps(Text("NEWS", contacts_v1::INBOUND_OUTCOME_NO_ROOM)).empty());
}

TEST_CASE("Stop words beat keywords, and are those of the account") {
  TestBook book;
  book.rules.stop_words = text::StopWords({"de"}, {"Schluss"}, {"ende"});
  CHECK(book.Decide(Text("schluss")).recognition == v1::RECOGNITION_STOP);
  CHECK(book.Decide(Text("Ende")).recognition == v1::RECOGNITION_NONE);
  CHECK(book.Decide(Text("unsubscribe")).recognition == v1::RECOGNITION_NONE);
  CHECK(book.Decide(Text("Schluss News")).recognition == v1::RECOGNITION_STOP_CHANNEL);
  book.Add(3, "Late", "schluss");
  CHECK(book.Decide(Text("Schluss")).recognition == v1::RECOGNITION_STOP);
}

TEST_CASE("Answers are in the contact's language, else the account's, else English") {
  TestBook book;
  book.rules.answers["de"].set_welcome_text("hallo");
  const auto welcome = [&](const std::string& language) {
    Occasion occasion = Text("Hi", contacts_v1::INBOUND_OUTCOME_REGISTERED);
    occasion.contact.set_language(language);
    const Words steps = book.Steps(occasion);
    return steps.empty() ? "" : steps[0].substr(4);
  };
  CHECK(welcome("de") == "hallo");
  CHECK(welcome("DE-at") == "hallo");
  CHECK(welcome("en-GB") == "welcome stranger");
  CHECK(welcome("fr") == "hallo");
  book.rules.answers["de-ch"].set_welcome_text("grüezi");
  CHECK(welcome("de-CH-1996") == "grüezi");
  book.rules.answers["de-ch"].set_welcome_text("");  // sends nothing
  CHECK(welcome("de-CH").empty());
  book.rules.answers.clear();
  CHECK(welcome("de") == AnswersFor({}, "de", "").welcome_text());
  book.rules.default_language = "fr";
  CHECK(welcome("it") == AnswersFor({}, "en", "").welcome_text());
}

TEST_CASE("The product's own answers are templates that work and say how to stop or come back") {
  for (const char* language : {"de", "en"}) {
    const v1::StandardAnswers answers = AnswersFor({}, language, "");
    CHECK(answers.language() == language);
    CHECK(CheckAnswers(answers).ok());
    for (const std::string& text :
         {answers.welcome_text(), answers.leave_text(), answers.subscribe_text()}) {
      CHECK(text.find("STOP") != std::string::npos);
    }
    CHECK(!answers.stop_text().empty());
  }
  CHECK(RenderAnswer("{{broken", [](absl::string_view) { return absl::nullopt; }) == "{{broken");
}

}  // namespace
}  // namespace mo::rules
