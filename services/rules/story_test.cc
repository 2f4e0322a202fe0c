// The story of a contact, told through a phone.
#include "services/rules/inbox_events.h"
#include "services/rules/test_story.h"

namespace mo::embedded {
std::vector<storage::Migration> rules_migrations();
}

namespace mo::rules {
namespace {

constexpr char kPhone[] = "+436641000001";

TEST_CASE("A contact writes, joins, leaves, stops and comes back") {
  TestStory story;
  REQUIRE(story.SetAnswers(ShortAnswers()).ok());
  const channels_v1::Channel sport = story.AddChannel("SPORT", "goal!");
  story.Write(kPhone, "Hello");
  Texts texts = {"welcome"};
  story.Expect(kPhone, texts);
  // A keyword that was made just before the message works.
  const channels_v1::Channel news = story.AddChannel("NEWS");
  story.Write(kPhone, "News");
  texts.push_back("joined NEWS");
  story.Expect(kPhone, texts);
  CHECK(story.Subscribers(news) == 1);
  story.Write(kPhone, "sport");
  texts.push_back("goal!");
  story.Expect(kPhone, texts);
  story.Write(kPhone, "Stop News");
  texts.push_back("left NEWS");
  story.Expect(kPhone, texts);
  CHECK(story.Subscribers(news) == 0);
  CHECK(story.Subscribers(sport) == 1);

  story.Write(kPhone, "STOPP!");
  texts.push_back("stopped");
  story.Expect(kPhone, texts);
  CHECK(story.Subscribers(sport) == 0);
  CHECK(story.OnlyContact().state() == contacts_v1::CONTACT_STATE_STOPPED);
  // Again: obeyed, not answered.
  story.Write(kPhone, "Stop");
  story.WaitForEvaluations(6);
  CHECK(story.OnlyContact().state() == contacts_v1::CONTACT_STATE_STOPPED);
  story.Write(kPhone, "Hello again");
  texts.push_back("welcome");
  story.Expect(kPhone, texts);
  CHECK(story.OnlyContact().state() == contacts_v1::CONTACT_STATE_ACTIVE);

  story.WaitForEvaluations(7);
  const v1::ListEvaluationsResponse kept = story.Evaluations();
  REQUIRE(kept.evaluations_size() == 7);
  CHECK(kept.evaluations(0).actions(0).text() == "welcome");
  CHECK(kept.evaluations(1).recognition() == v1::RECOGNITION_STOP);
  CHECK(kept.evaluations(1).actions_size() == 2);
  CHECK(kept.evaluations(2).actions_size() == 3);
  CHECK(kept.evaluations(3).recognition() == v1::RECOGNITION_STOP_CHANNEL);
  CHECK(kept.evaluations(3).channel_id() == news.id());
}

TEST_CASE("A first message that is a stop word is confirmed, not welcomed") {
  TestStory story;
  REQUIRE(story.SetAnswers(ShortAnswers()).ok());
  story.Write(kPhone, "Stop");
  story.Expect(kPhone, {"stopped"});
  story.WaitForEvaluations(1);
  CHECK(story.agent->texts(kPhone) == Texts{"stopped"});
  CHECK(story.OnlyContact().state() == contacts_v1::CONTACT_STATE_STOPPED);
}

TEST_CASE("Channels chosen at registration are joined with the first message") {
  TestStory story;
  REQUIRE(story.SetAnswers(ShortAnswers()).ok());
  const channels_v1::Channel news = story.AddChannel("NEWS");
  contacts_v1::RegisterRequest request;
  request.set_network(common_v1::NETWORK_WHATSAPP);
  request.set_phone(kPhone);
  request.add_channels(news.id());
  REQUIRE(story.contacts.Call(&contacts_v1::ContactService::Stub::Register, story.caller, request)
              .ok());
  CHECK(story.Subscribers(news) == 0);
  story.Write(kPhone, "Hello");
  story.WaitForEvaluations(1);
  CHECK(story.Subscribers(news) == 1);
  story.Expect(kPhone, {"welcome"});
}

// The consumer's part without the consumer, so that it can fail between act and commit.
TEST_CASE("Every effect happens once when the consumer fails after acting and runs again") {
  TestStory story(Below());
  App& app = story.env.app();
  storage::DatabaseOptions options;
  options.url = app.options().database_url;
  options.migration_user = "postgres";
  options.service = "rules";
  storage::Database database(options, app.metrics());
  REQUIRE(database.Migrate(embedded::rules_migrations()).ok());
  REQUIRE(database
              .As(1,
                  [](storage::Transaction& tx) {
                    return tx.Run(
                        "INSERT INTO rules.standard_answers VALUES (1, 'en', 'welcome', 'stopped', "
                        "'left {{channel}}', 'joined {{channel}}')");
                  })
              .ok());
  Rulebooks rulebooks(app, database);
  Actor actor(app);
  InboxEvents handler(app, database, rulebooks, actor, [] {});
  const channels_v1::Channel news = story.AddChannel("NEWS");

  auto connection = storage::Connection::Open(story.env.postgres().UrlAs("postgres"));
  REQUIRE(connection.ok());
  int handled = 0;
  const auto unhandled = [&] {
    std::vector<events::Event> batch;
    auto rows = (*connection)
                    ->Query("SELECT envelope FROM inbox.outbox ORDER BY id", storage::Parameters());
    REQUIRE(rows.ok());
    for (int i = handled; i < rows->size(); ++i) {
      events::Event& event = batch.emplace_back();
      event.envelope.ParseFromString((*rows)[i].String(0));
    }
    return batch;
  };
  const auto evaluations = [&] {
    auto rows =
        (*connection)->Query("SELECT count(*) FROM rules.evaluations", storage::Parameters());
    return (*rows)[0].Int(0);
  };
  const auto run = [&](const std::vector<events::Event>& batch, const absl::Status& end) {
    return database.AsSystem([&](storage::Transaction& tx) -> absl::Status {
      const absl::Status status = handler.Handle(tx, batch);
      return status.ok() ? end : status;
    });
  };
  // A phone writes; the handler acts, fails before the commit, and gets the same events again.
  const auto write_and_crash = [&](const std::string& text, const Texts& expected) {
    story.Write(kPhone, text);
    std::vector<events::Event> batch;
    WaitFor(
        [&] {
          batch = unhandled();
          return std::any_of(batch.begin(), batch.end(), [](const events::Event& event) {
            return events::As<inbox_v1::MessageReceived>(event).has_value();
          });
        },
        "the inbox's event");
    const int64_t before = evaluations();
    CHECK(run(batch, absl::InternalError("killed")).code() == absl::StatusCode::kInternal);
    CHECK(run(batch, absl::UnavailableError("killed again")).code() ==
          absl::StatusCode::kUnavailable);
    CHECK(evaluations() == before);
    REQUIRE(run(batch, absl::OkStatus()).ok());
    CHECK(evaluations() == before + 1);
    handled += static_cast<int>(batch.size());
    story.Expect(kPhone, expected);
  };

  write_and_crash("Hello", {"welcome"});
  write_and_crash("News", {"welcome", "joined NEWS"});
  CHECK(story.Subscribers(news) == 1);
  write_and_crash("Stopp!", {"welcome", "joined NEWS", "stopped"});
  CHECK(story.OnlyContact().state() == contacts_v1::CONTACT_STATE_STOPPED);
  write_and_crash("I am back", {"welcome", "joined NEWS", "stopped", "welcome"});

  // An old message, handled once more after the contact has come back, does not stop it again.
  std::vector<events::Event> all;
  handled = 0;  // from the first event on
  all = unhandled();
  REQUIRE(run(all, absl::OkStatus()).ok());
  CHECK(evaluations() == 4);
  CHECK(story.OnlyContact().state() == contacts_v1::CONTACT_STATE_ACTIVE);
  CHECK(story.Subscribers(news) == 0);
  CHECK(story.agent->texts(kPhone).size() == 4);
}

}  // namespace
}  // namespace mo::rules
