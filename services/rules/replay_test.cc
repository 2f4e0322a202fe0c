// Drafts, run over what was received.
#include "services/rules/replay.h"

#include "absl/strings/escaping.h"
#include "services/rules/test_engine.h"

namespace mo::rules {
namespace {

struct ReplayStory : EngineStory {
  absl::StatusOr<v1::ReplayRuleResponse> Try(const v1::ReplayRuleRequest& request) {
    return rules.Call(&RuleStub::ReplayRule, caller, request);
  }
  v1::ReplayRuleResponse Run(const v1::ReplayRuleRequest& request) {
    auto response = Try(request);
    INFO(response.status());
    REQUIRE(response.ok());
    return *response;
  }
  v1::ReplayRuleResponse Run(const v1::Rule& draft) {
    v1::ReplayRuleRequest request;
    *request.mutable_rule() = draft;
    return Run(request);
  }
  // Until the inbox knows that its answers are in the ledger: an agent hears of one before that.
  void WaitForLedger() {
    auto connection = storage::Connection::Open(env.postgres().UrlAs("postgres"));
    const char* submitting = "SELECT count(*) FROM inbox.messages WHERE phase < 2";
    WaitFor(
        [&] {
          auto rows = (*connection)->Query(submitting, storage::Parameters());
          return rows.ok() && (*rows)[0].Int(0) == 0;
        },
        "the answers in the ledger");
  }
  // Everything that a replay must leave alone, as text.
  std::string State() {
    std::string state;
    auto connection = storage::Connection::Open(env.postgres().UrlAs("postgres"));
    for (const char* table : {"rules.uses", "rules.decisions", "rules.evaluations", "rules.rules",
                              "inbox.messages", "channels.subscriptions", "contacts.contacts"}) {
      auto rows = (*connection)
                      ->Query(absl::StrCat("SELECT coalesce(string_agg(t::text, '|' ORDER BY "
                                           "t::text), '') FROM ",
                                           table, " t"),
                              storage::Parameters());
      REQUIRE(rows.ok());
      absl::StrAppend(&state, table, ": ", (*rows)[0].String(0), "\n");
    }
    return state;
  }
};

std::vector<v1::Verdict> VerdictsIn(const v1::ReplayRuleResponse& response) {
  std::vector<v1::Verdict> verdicts;
  for (const v1::ReplayedMessage& one : response.messages()) verdicts.push_back(one.verdict());
  return verdicts;
}

constexpr auto kFires = v1::VERDICT_FIRED;

TEST_CASE("A draft is replayed among the account's rules, and nothing is done", "[replay]") {
  ReplayStory story;
  story.AddChannel("NEWS");
  v1::Rule present = Defined("price", "present");
  present.set_stop_here(true);
  story.Add(present);
  constexpr char kOther[] = "+436641000002";
  const std::vector<std::pair<std::string, std::string>> said = {
      {kWriter, "hello"}, {kWriter, "price"}, {kOther, "hello"},
      {kWriter, "NEWS"},  {kWriter, "hello"}, {kWriter, "Stop"}};
  int evaluations = 0;
  for (const auto& [phone, text] : said) {
    story.Write(phone, text);
    story.WaitForEvaluations(++evaluations);
  }
  WaitFor([&] { return story.agent->texts(kWriter).size() == 3; }, "the product's answers");
  story.WaitForLedger();
  v1::Rule draft = Answering("draft", "{{contact.phone}} said {{message}}");
  draft.set_trigger(v1::RULE_TRIGGER_REST);
  draft.set_state(v1::RULE_STATE_DISABLED);
  const std::string before = story.State();
  const v1::ReplayRuleResponse replayed = story.Run(draft);
  CHECK(story.State() == before);
  CHECK(VerdictsIn(replayed) == std::vector{kFires, v1::VERDICT_NO_MATCH, kFires,
                                            v1::VERDICT_NO_MATCH, kFires, v1::VERDICT_NOT_ASKED});
  REQUIRE(replayed.messages(2).actions_size() == 1);
  CHECK(replayed.messages(2).actions(0).content().text().body() ==
        std::string(kOther) + " said hello");
  CHECK(replayed.messages(2).actions(0).rule_id().empty());
  CHECK(replayed.messages(1).actions().empty());
  const v1::ListEvaluationsResponse kept = story.Evaluations();
  CHECK(replayed.messages(0).message_id() == kept.evaluations(5).message_id());
  CHECK(replayed.messages(0).contact_id() == kept.evaluations(5).contact_id());
  CHECK(replayed.totals().messages() == 6);
  CHECK(replayed.totals().fired() == 3);
  CHECK(replayed.totals().verdicts_size() == 3);
  CHECK(replayed.next_page_token().empty());
  CHECK_FALSE(replayed.has_unreplayed_time());
  // Behind the rule that stops, and before it.
  v1::Rule always = Answering("always", "x");
  CHECK(VerdictsIn(story.Run(always))[1] == v1::VERDICT_STOPPED);
  always.set_priority(-1);
  CHECK(VerdictsIn(story.Run(always))[1] == kFires);
  always.set_only_first_message(true);
  CHECK(VerdictsIn(story.Run(always)) == std::vector{kFires, v1::VERDICT_NOT_FIRST, kFires,
                                                     v1::VERDICT_NOT_FIRST, v1::VERDICT_NOT_FIRST,
                                                     v1::VERDICT_NOT_ASKED});
}

TEST_CASE("A replay counts limits, channels and groups as they would have been", "[replay]") {
  ReplayStory story;
  const channels_v1::Channel club = story.AddChannel("CLUB");
  v1::Rule listening;
  listening.set_display_name("listening");
  listening.set_trigger(v1::RULE_TRIGGER_ALWAYS);
  listening.add_actions()->mutable_do_nothing();
  listening.set_also_for_groups(true);
  story.Add(listening);
  for (int i = 1; i <= 3; ++i) {
    story.Write(kWriter, "hi");
    story.WaitForEvaluations(i);
  }
  story.WriteInGroup("Us", "hi");
  story.WaitForEvaluations(4);

  v1::Rule draft = Answering("twice", "x");
  draft.mutable_limit()->set_count(2);
  draft.mutable_limit()->set_period(v1::LIMIT_PERIOD_EVER);
  draft.mutable_limit()->set_scope(v1::LIMIT_SCOPE_CONTACT);
  // Each replay counts for itself.
  for (int i = 0; i < 2; ++i) {
    CHECK(VerdictsIn(story.Run(draft)) ==
          std::vector{kFires, kFires, v1::VERDICT_LIMIT, v1::VERDICT_GROUP});
  }
  draft.add_channel_ids(club.id());
  CHECK(VerdictsIn(story.Run(draft))[0] == v1::VERDICT_CHANNEL);
  story.Subscribe(club, story.OnlyContact().id());
  CHECK(VerdictsIn(story.Run(draft))[0] == kFires);
  draft.clear_channel_ids();
  draft.clear_limit();
  draft.add_networks(common_v1::NETWORK_TELEGRAM);
  CHECK(VerdictsIn(story.Run(draft))[0] == v1::VERDICT_NETWORK);
  listening.add_networks(common_v1::NETWORK_WHATSAPP);
  const v1::ReplayRuleResponse groups = story.Run(listening);
  CHECK(VerdictsIn(groups) == std::vector(4, kFires));
  CHECK(groups.messages(3).group_id() == "Us");
}

TEST_CASE("A rule is replayed as it would be after a change", "[replay]") {
  ReplayStory story;
  v1::Rule rule = Defined("price", "x");
  rule.set_state(v1::RULE_STATE_DRY_RUN);
  const v1::Rule kept = story.Add(rule);
  story.Write(kWriter, "how much");
  story.WaitForEvaluations(1);
  v1::ReplayRuleRequest request;
  request.mutable_rule()->set_id(kept.id());
  CHECK(VerdictsIn(story.Run(request)) == std::vector{v1::VERDICT_NO_MATCH});
  request.mutable_rule()->add_patterns("how much");
  const v1::ReplayRuleResponse changed = story.Run(request);
  CHECK(VerdictsIn(changed) == std::vector{kFires});
  CHECK(changed.messages(0).actions(0).rule_id() == kept.id());
  request.mutable_rule()->set_etag("77");
  CHECK(ReasonOf(story.Try(request).status()) == "ETAG_MISMATCH");
  request.mutable_rule()->clear_etag();
  request.mutable_rule()->set_id(FormatId("rul", 77));
  CHECK(ReasonOf(story.Try(request).status()) == "RULE_NOT_FOUND");
  CHECK(story.List().rules(0).patterns(0) == "price");
}

TEST_CASE("What cannot be replayed is refused", "[replay]") {
  ReplayStory story;
  const absl::Time now = absl::Now();
  v1::ReplayRuleRequest request;
  *request.mutable_rule() = Answering("draft", "{{nmae}}");
  request.mutable_rule()->add_channel_ids(FormatId("chn", 77));
  CHECK(FieldsOf(story.Try(request).status()) == std::vector<std::string>{"rule.channel_ids[0]"});
  request.mutable_rule()->clear_channel_ids();
  CHECK(FieldsOf(story.Try(request).status()) ==
        std::vector<std::string>{"rule.actions[0].answer.text.body"});
  *request.mutable_rule() = Answering("draft", "x");
  *request.mutable_start_time() = ToProto(now - absl::Hours(24 * 8));
  CHECK(FieldsOf(story.Try(request).status()) == std::vector<std::string>{"start_time"});
  *request.mutable_start_time() = ToProto(now - absl::Hours(2));
  *request.mutable_end_time() = ToProto(now - absl::Hours(2));
  CHECK(FieldsOf(story.Try(request).status()) == std::vector<std::string>{"end_time"});
  request.clear_end_time();
  request.set_page_token("x");
  CHECK(FieldsOf(story.Try(request).status()) == std::vector<std::string>{"page_token"});
}

TEST_CASE("A long time is replayed in pages, up to ten thousand messages", "[replay]") {
  ReplayStory story;
  const absl::Time start = absl::Now() - absl::Hours(20);
  const absl::Duration apart = absl::Seconds(6);
  common_v1::Content content;
  content.mutable_text()->set_body("hi");
  auto connection = storage::Connection::Open(story.env.postgres().UrlAs("postgres"));
  const std::string insert = absl::StrCat(
      "INSERT INTO inbox.messages (account_id, id, contact_id, sim_id, direction, content, "
      "create_time, time, inbound_id) SELECT 1, ",
      FirstIdAt(start), " + n::bigint * ", FirstIdAt(start + apart) - FirstIdAt(start),
      ", n % 7 + 1, 1, 1, decode('", absl::BytesToHexString(content.SerializeAsString()),
      "', 'hex'), now(), now(), n FROM generate_series(0, 10004) n");
  REQUIRE((*connection)->Query(insert, storage::Parameters()).ok());

  v1::ReplayRuleRequest request;
  *request.mutable_rule() = Answering("hourly", "x");
  request.mutable_rule()->mutable_limit()->set_count(1);
  request.mutable_rule()->mutable_limit()->set_period(v1::LIMIT_PERIOD_HOUR);
  request.mutable_rule()->mutable_limit()->set_scope(v1::LIMIT_SCOPE_CONTACT);
  request.set_page_size(1000);
  request.set_fired_only(true);
  const v1::ReplayRuleResponse fired = story.Run(request);
  CHECK(fired.totals().messages() == 10000);
  CHECK(absl::AbsDuration(FromProto(fired.unreplayed_time()) - (start + 10000 * apart)) <=
        absl::Milliseconds(1));
  // 10,000 messages are 16 hours and 40 minutes: parts of 17 or 18 hours.
  CHECK(fired.totals().fired() >= 17 * 7);
  CHECK(fired.totals().fired() <= 18 * 7);
  CHECK(fired.messages_size() == fired.totals().fired());
  CHECK(fired.next_page_token().empty());

  // Pages are of one replay: limits go on from page to page.
  request.set_page_size(50);
  std::vector<std::string> listed;
  do {
    const v1::ReplayRuleResponse page = story.Run(request);
    CHECK(page.totals().SerializeAsString() == fired.totals().SerializeAsString());
    for (const v1::ReplayedMessage& one : page.messages()) listed.push_back(one.message_id());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  std::vector<std::string> all;
  for (const v1::ReplayedMessage& one : fired.messages()) all.push_back(one.message_id());
  CHECK(listed == all);

  request.set_fired_only(false);
  *request.mutable_start_time() = fired.unreplayed_time();
  CHECK(story.Run(request).totals().messages() == 5);
  *request.mutable_start_time() = ToProto(start);
  *request.mutable_end_time() = ToProto(start + absl::Milliseconds(100) + 9 * apart);
  CHECK(story.Run(request).totals().messages() == 10);
}

}  // namespace
}  // namespace mo::rules
