// The account's own rules, from the contract to the phone.
#include "services/rules/referee.h"
#include "services/rules/rule_store.h"
#include "services/rules/test_engine.h"

namespace mo::embedded {
std::vector<storage::Migration> rules_migrations();
}

namespace mo::rules {
namespace {

TEST_CASE("Rules are made, listed in their order, changed and deleted", "[engine]") {
  EngineStory story;
  v1::Rule late = Answering("late", "x");
  late.set_priority(5);
  const v1::Rule second = story.Add(late);
  CHECK(second.state() == v1::RULE_STATE_ENABLED);
  const v1::Rule third = story.Add(late);
  const v1::Rule first = story.Add(Answering("first", "y"));
  const v1::ListRulesResponse page = story.List(2);
  REQUIRE(page.rules_size() == 2);
  CHECK(page.rules(0).id() == first.id());
  CHECK(page.rules(1).id() == second.id());
  const v1::ListRulesResponse rest = story.List(2, page.next_page_token());
  REQUIRE(rest.rules_size() == 1);
  CHECK(rest.rules(0).id() == third.id());
  CHECK(rest.next_page_token().empty());

  v1::UpdateRuleRequest update;
  update.mutable_rule()->set_id(second.id());
  update.mutable_rule()->set_etag(second.etag());
  update.mutable_rule()->set_state(v1::RULE_STATE_DISABLED);
  auto updated = story.rules.Call(&RuleStub::UpdateRule, story.caller, update);
  REQUIRE(updated.ok());
  CHECK(updated->state() == v1::RULE_STATE_DISABLED);
  CHECK(updated->display_name() == "late");
  CHECK(updated->etag() != second.etag());
  CHECK(ReasonOf(story.rules.Call(&RuleStub::UpdateRule, story.caller, update).status()) ==
        "ETAG_MISMATCH");
  update.mutable_rule()->clear_etag();
  update.mutable_rule()->set_trigger(v1::RULE_TRIGGER_DEFINE);
  CHECK(FieldsOf(story.rules.Call(&RuleStub::UpdateRule, story.caller, update).status()) ==
        std::vector<std::string>{"rule.match_type", "rule.patterns"});

  v1::DeleteRuleRequest gone;
  gone.set_id(second.id());
  REQUIRE(story.rules.Call(&RuleStub::DeleteRule, story.caller, gone).ok());
  CHECK(ReasonOf(story.rules.Call(&RuleStub::DeleteRule, story.caller, gone).status()) ==
        "RULE_NOT_FOUND");
  CHECK(story.List().rules_size() == 2);
}

TEST_CASE("A rule names only what the account has", "[engine]") {
  EngineStory story;
  v1::Rule rule = Answering("r", "x");
  rule.add_actions()->set_add_to_channel(FormatId("chn", 77));
  rule.add_sim_ids(FormatId("sim", 78));
  CHECK(FieldsOf(story.TryAdd(rule).status()) ==
        std::vector<std::string>{"rule.actions[1].add_to_channel", "rule.sim_ids[0]"});
  CHECK(story.List().rules_size() == 0);
}

TEST_CASE("An account has no more rules than it may have", "[engine]") {
  EngineStory story;
  auto connection = storage::Connection::Open(story.env.postgres().UrlAs("postgres"));
  REQUIRE(connection.ok());
  REQUIRE((*connection)
              ->Query("INSERT INTO rules.rule_sets VALUES (1, 1, 499)", storage::Parameters())
              .ok());
  const v1::Rule last = story.Add(Answering("last", "x"));
  CHECK(ReasonOf(story.TryAdd(last).status()) == "TOO_MANY_RULES");
  v1::DeleteRuleRequest gone;
  gone.set_id(last.id());
  REQUIRE(story.rules.Call(&RuleStub::DeleteRule, story.caller, gone).ok());
  CHECK(story.TryAdd(last).ok());
}

TEST_CASE("A contact's message is answered, subscribes, and ends with what nothing else is for",
          "[engine]") {
  EngineStory story;
  const channels_v1::Channel news = story.AddChannel("NEWS");
  v1::Rule prices = Defined("preis", "{{contact.name|Hallo}}, zu „{{message}}“: gratis");
  prices.add_actions()->set_add_to_channel(news.id());
  prices.set_stop_here(true);
  const v1::Rule made = story.Add(prices);
  v1::Rule rest = Answering("rest", "Wir melden uns.");
  rest.set_trigger(v1::RULE_TRIGGER_REST);
  story.Add(rest);
  story.Write(kWriter, "Der PREIS {{x}}?");
  Texts texts = {"Hallo, zu „Der PREIS {{x}}?“: gratis"};
  story.Expect(kWriter, texts);
  WaitFor([&] { return story.Subscribers(news) == 1; }, "the subscription");
  story.Write(kWriter, "Hallo?");
  texts.push_back("Wir melden uns.");
  story.Expect(kWriter, texts);
  story.Write(kWriter, "NEWS");
  texts.push_back("joined NEWS");
  story.Expect(kWriter, texts);
  story.WaitForEvaluations(3);
  const v1::ListEvaluationsResponse kept = story.Evaluations();
  CHECK(kept.evaluations(0).rules_size() == 0);
  REQUIRE(kept.evaluations(2).rules_size() == 1);
  CHECK(kept.evaluations(2).rules(0).rule_id() == made.id());
  CHECK(kept.evaluations(2).rules(0).verdict() == v1::VERDICT_FIRED);
  REQUIRE(kept.evaluations(2).actions_size() == 2);
  CHECK(kept.evaluations(2).actions(0).rule_id() == made.id());
  CHECK(kept.evaluations(2).actions(1).channel_id() == news.id());
}

TEST_CASE("Nobody's rule answers who opts out, and a rule may opt a contact out", "[engine]") {
  EngineStory story;
  story.Add(Answering("always", "heard"));
  v1::Rule stop = Defined("nie wieder", "not sent");
  stop.clear_actions();
  stop.add_actions()->mutable_stop();
  stop.add_actions()->mutable_answer()->mutable_text()->set_body("not sent either");
  stop.set_priority(-1);
  story.Add(stop);
  story.Write(kWriter, "Hallo");
  story.Expect(kWriter, {"heard"});
  story.Write(kWriter, "Schreibt mir nie wieder!");
  story.Expect(kWriter, {"heard", "stopped"});
  story.WaitForEvaluations(2);
  CHECK(story.OnlyContact().state() == contacts_v1::CONTACT_STATE_STOPPED);
  story.Write(kWriter, "ok");
  story.Expect(kWriter, {"heard", "stopped", "heard"});
  story.Write(kWriter, "stop");
  story.Expect(kWriter, {"heard", "stopped", "heard", "stopped"});
  story.WaitForEvaluations(4);
  CHECK(story.agent->texts(kWriter).size() == 4);
}

TEST_CASE("Once per day and contact holds with fifty messages at once", "[engine]") {
  EngineStory story;
  v1::Rule rule = Answering("once", "once");
  rule.mutable_limit()->set_count(1);
  rule.mutable_limit()->set_period(v1::LIMIT_PERIOD_EVER);
  rule.mutable_limit()->set_scope(v1::LIMIT_SCOPE_CONTACT);
  story.Add(rule);
  constexpr char kOther[] = "+436641000002";
  for (int i = 0; i < 50; ++i) story.agent->Write("a" + std::to_string(i), kWriter, "hi");
  story.agent->WaitForAck(story.agent->Write("b", kOther, "hi"));
  WaitFor(
      [&] {
        v1::ListEvaluationsRequest all;
        all.set_page_size(100);
        return story.rules.Call(&RuleStub::ListEvaluations, story.caller, all)
                   ->evaluations_size() == 51;
      },
      "all evaluations");
  story.Expect(kWriter, {"once"});
  story.Expect(kOther, {"once"});
}

TEST_CASE("A test explains every rule, for a contact and a time", "[engine]") {
  EngineStory story;
  v1::Rule night = Answering("night", "{{time}} {{contact.phone}}");
  night.add_schedule()->set_start("22:00");
  night.mutable_schedule(0)->set_end("06:00");
  story.Add(night);
  story.Add(Defined("price", "x"));
  story.Write(kWriter, "hi");
  story.WaitForEvaluations(1);
  const std::string contact = story.OnlyContact().id();
  const absl::Time noon = absl::FromUnixSeconds(1780660800);  // 2026-06-05, 12:00 UTC
  const v1::Evaluation day = story.Test("hello", noon, contact);
  REQUIRE(day.rules_size() == 2);
  CHECK(day.rules(0).verdict() == v1::VERDICT_SCHEDULE);
  CHECK(day.rules(1).verdict() == v1::VERDICT_NO_MATCH);
  const v1::Evaluation dark = story.Test("price", noon + absl::Hours(11), contact);
  REQUIRE(dark.actions_size() == 2);
  CHECK(dark.actions(0).content().text().body() == std::string("23:00 ") + kWriter);
  CHECK(dark.rules(1).verdict() == v1::VERDICT_FIRED);
}

TEST_CASE("An answer without anything in it is none, one that grows too long is cut", "[engine]") {
  EngineStory story;
  story.Add(Answering("empty", "{{attributes.nothing}}"));
  story.Add(Answering("long", std::string(4000, 'x') + "{{message}}"));
  std::string cyrillic;
  for (int i = 0; i < 4000; ++i) cyrillic += "ж";
  story.Add(Answering("written so", cyrillic));
  const v1::Evaluation evaluation = story.Test(std::string(999, 'm'), absl::Now());
  CHECK(evaluation.rules(0).verdict() == v1::VERDICT_FIRED);
  REQUIRE(evaluation.actions_size() == 2);
  CHECK(evaluation.actions(0).content().text().body() ==
        std::string(4000, 'x') + std::string(96, 'm'));
  CHECK(evaluation.actions(1).content().text().body() == cyrillic);
}

// The referee's tables without the service.
struct Tables {
  Tables() {
    storage::DatabaseOptions options;
    options.url = env.app().options().database_url;
    options.migration_user = "postgres";
    options.service = "rules";
    database.emplace(options, env.app().metrics());
    REQUIRE(database->Migrate(embedded::rules_migrations()).ok());
    occasion.time = absl::FromUnixSeconds(1780660800);
    occasion.zone = absl::UTCTimeZone();
  }
  std::vector<v1::Verdict> Judge(int64_t message, int64_t contact = 7) {
    auto findings = Referee(env.app(), *database).Judge({1, message, contact}, set(), occasion);
    REQUIRE(findings.ok());
    std::vector<v1::Verdict> verdicts;
    for (const Finding& finding : *findings) verdicts.push_back(finding.verdict);
    return verdicts;
  }
  const RuleSet& set() {
    if (!compiled) compiled.emplace(rules);
    return *compiled;
  }
  v1::Rule& Add(v1::Rule rule) {
    rule.set_id(FormatId("rul", static_cast<int64_t>(rules.size() + 1)));
    return rules.emplace_back(std::move(rule));
  }

  testing::Environment env{{}};
  std::optional<storage::Database> database;
  std::vector<v1::Rule> rules;
  std::optional<RuleSet> compiled;
  RuleOccasion occasion;
};

TEST_CASE("A message that is handled again is decided the same, and counted once", "[engine]") {
  Tables tables;
  v1::Rule& rule = tables.Add(Answering("twice a day", "x"));
  rule.mutable_limit()->set_count(2);
  rule.mutable_limit()->set_period(v1::LIMIT_PERIOD_DAY);
  rule.mutable_limit()->set_scope(v1::LIMIT_SCOPE_ACCOUNT);
  const std::vector fired{v1::VERDICT_FIRED}, limited{v1::VERDICT_LIMIT};
  CHECK(tables.Judge(1) == fired);
  CHECK(tables.Judge(1) == fired);
  CHECK(tables.Judge(1) == fired);
  CHECK(tables.Judge(2, 8) == fired);
  CHECK(tables.Judge(3, 9) == limited);
  CHECK(tables.Judge(2, 8) == fired);
  CHECK(tables.Judge(3, 9) == limited);
  tables.occasion.time += absl::Hours(12);
  CHECK(tables.Judge(4) == fired);
}

TEST_CASE(
    "What a message did to its contact's subscriptions does not change what was decided of it",
    "[engine]") {
  Tables tables;
  v1::Rule& leaving = tables.Add(Answering("leaving", "x"));
  leaving.add_channel_ids(FormatId("chn", 1));
  v1::Rule& joining = tables.Add(Answering("joining", "x"));
  joining.clear_actions();
  joining.add_actions()->mutable_do_nothing();
  joining.add_channel_ids(FormatId("chn", 2));
  Referee referee(tables.env.app(), *tables.database);
  const auto judge = [&](int64_t message, const std::string& channel) {
    auto findings =
        referee.Judge({1, message, 7}, tables.set(), tables.occasion,
                      [&](const v1::Rule& rule) { return rule.channel_ids(0) == channel; });
    REQUIRE(findings.ok());
    return std::vector{(*findings)[0].verdict, (*findings)[1].verdict};
  };
  const std::string one = FormatId("chn", 1), two = FormatId("chn", 2);
  const std::vector first{v1::VERDICT_FIRED, v1::VERDICT_CHANNEL};
  const std::vector second{v1::VERDICT_CHANNEL, v1::VERDICT_FIRED};
  CHECK(judge(1, one) == first);
  CHECK(judge(1, two) == first);
  CHECK(judge(2, two) == second);
  CHECK(judge(2, one) == second);
}

TEST_CASE("A contact gets no more automatic answers in a minute than it may", "[engine]") {
  Tables tables;
  tables.Add(Answering("echo", "x"));
  v1::Rule silent = Answering("silent", "x");
  silent.clear_actions();
  silent.add_actions()->mutable_do_nothing();
  tables.Add(silent);
  for (int64_t i = 1; i <= 20; ++i) CHECK(tables.Judge(i)[0] == v1::VERDICT_FIRED);
  CHECK(tables.Judge(21) == std::vector{v1::VERDICT_LOOP_GUARD, v1::VERDICT_FIRED});
  CHECK(tables.Judge(22, 8)[0] == v1::VERDICT_FIRED);
  tables.occasion.time += absl::Minutes(1);
  CHECK(tables.Judge(23)[0] == v1::VERDICT_FIRED);
}

TEST_CASE("What the loop guard forbids uses up no limit, what a limit forbids is no answer",
          "[engine]") {
  Tables tables;
  v1::Rule& limited = tables.Add(Answering("limited", "x"));
  limited.mutable_limit()->set_count(21);
  limited.mutable_limit()->set_period(v1::LIMIT_PERIOD_DAY);
  limited.mutable_limit()->set_scope(v1::LIMIT_SCOPE_CONTACT);
  for (int64_t i = 1; i <= 20; ++i) CHECK(tables.Judge(i)[0] == v1::VERDICT_FIRED);
  CHECK(tables.Judge(21)[0] == v1::VERDICT_LOOP_GUARD);
  CHECK(tables.Judge(22)[0] == v1::VERDICT_LOOP_GUARD);
  tables.occasion.time += absl::Minutes(1);
  CHECK(tables.Judge(23)[0] == v1::VERDICT_FIRED);
  for (int64_t i = 24; i <= 60; ++i) CHECK(tables.Judge(i)[0] == v1::VERDICT_LIMIT);
}

TEST_CASE("Counts go when their period is over, or their rule is gone", "[engine]") {
  Tables tables;
  v1::Rule& rule = tables.Add(Answering("ever", "x"));
  rule.mutable_limit()->set_count(9);
  rule.mutable_limit()->set_period(v1::LIMIT_PERIOD_EVER);
  rule.mutable_limit()->set_scope(v1::LIMIT_SCOPE_CONTACT);
  REQUIRE(
      tables.database->As(1, [&](storage::Transaction& tx) { return InsertRule(tx, rule); }).ok());
  tables.Judge(1);
  const auto sweep = [&](absl::Time now) {
    auto deleted =
        tables.database->AsSystem([&](storage::Transaction& tx) { return DeleteUses(tx, now); });
    REQUIRE(deleted.ok());
    return *deleted;
  };
  CHECK(sweep(tables.occasion.time) == 0);
  CHECK(sweep(tables.occasion.time + absl::Hours(25)) == 1);  // the minute's answers
  REQUIRE(tables.database
              ->As(1, [&](storage::Transaction& tx) { return DeleteRule(tx, IdOf(rule.id())); })
              .ok());
  CHECK(sweep(tables.occasion.time) == 1);
  CHECK(sweep(tables.occasion.time) == 0);
  REQUIRE(tables.database
              ->AsSystem([&](storage::Transaction& tx) {
                return DeleteDecisions(tx, absl::Now() + absl::Hours(1)).status();
              })
              .ok());
  CHECK(tables.Judge(1)[0] == v1::VERDICT_FIRED);
}

}  // namespace
}  // namespace mo::rules
