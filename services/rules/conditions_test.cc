// Rules for subscribers of channels, and for groups.
#include <map>

#include "messageorganizer/rules/v1/forwards.pb.h"
#include "services/rules/rule_check.h"
#include "services/rules/rule_set.h"
#include "services/rules/test_engine.h"

namespace mo::rules {
namespace {

using Verdicts = std::vector<v1::Verdict>;

v1::Rule Silent(const std::string& name, v1::RuleTrigger trigger = v1::RULE_TRIGGER_ALWAYS) {
  v1::Rule rule;
  rule.set_display_name(name);
  rule.set_trigger(trigger);
  rule.add_actions()->mutable_do_nothing();
  return rule;
}

Verdicts VerdictsOf(const v1::Evaluation& evaluation) {
  Verdicts verdicts;
  for (const v1::RuleVerdict& one : evaluation.rules()) verdicts.push_back(one.verdict());
  return verdicts;
}

TEST_CASE("A rule for channels is asked about its subscribers last, and takes only their messages",
          "[conditions]") {
  std::vector<v1::Rule> rules = {Defined("price", "x"), Silent("rest", v1::RULE_TRIGGER_REST),
                                 Silent("members", v1::RULE_TRIGGER_REST)};
  for (size_t i = 0; i < rules.size(); ++i)
    rules[i].set_id(FormatId("rul", static_cast<int64_t>(i + 1)));
  rules[0].add_channel_ids(FormatId("chn", 1));
  rules[2].add_channel_ids(FormatId("chn", 2));
  const RuleSet set(rules);
  CHECK(set.channels() == std::vector<int64_t>{1, 2});
  int asked = 0;
  const auto find = [&](const std::string& text, bool member) {
    RuleOccasion occasion;
    occasion.text = text;
    asked = 0;
    const std::vector<Finding> findings = *set.Find(occasion, [&](const v1::Rule&) {
      ++asked;
      return member;
    });
    Verdicts verdicts;
    for (const Finding& finding : findings) verdicts.push_back(finding.verdict);
    return verdicts;
  };
  const auto fired = v1::VERDICT_FIRED, none = v1::VERDICT_NO_MATCH, channel = v1::VERDICT_CHANNEL;
  CHECK(find("price", true) == Verdicts{fired, none, none});
  CHECK(asked == 1);
  CHECK(find("price", false) == Verdicts{channel, fired, channel});
  CHECK(asked == 2);
  CHECK(find("hello", true) == Verdicts{none, fired, fired});
  CHECK(asked == 1);
  RuleOccasion nobodys;
  nobodys.text = "price";
  CHECK((*set.Find(nobodys))[0].verdict == channel);
  CHECK(set.Find(nobodys, [](const v1::Rule&) { return absl::UnavailableError("x"); })
            .status()
            .code() == absl::StatusCode::kUnavailable);
}

TEST_CASE("A rule answers a channel's subscribers only", "[conditions]") {
  EngineStory story;
  const channels_v1::Channel news = story.AddChannel("NEWS"), club = story.AddChannel("CLUB");
  v1::Rule rule = Answering("members", "dear member");
  rule.add_channel_ids(FormatId("chn", 77));
  CHECK(FieldsOf(story.TryAdd(rule).status()) == std::vector<std::string>{"rule.channel_ids[0]"});
  rule.set_channel_ids(0, news.id());
  rule.add_channel_ids(club.id());
  story.Add(rule);
  story.Write(kWriter, "hi");
  story.WaitForEvaluations(1);
  CHECK(VerdictsOf(story.Evaluations().evaluations(0)) == Verdicts{v1::VERDICT_CHANNEL});
  CHECK(story.Evaluations().evaluations(0).first_message());
  const std::string contact = story.OnlyContact().id();
  CHECK(VerdictsOf(story.Test("hi", absl::Now(), contact)) == Verdicts{v1::VERDICT_CHANNEL});
  story.Subscribe(club, contact);
  CHECK(VerdictsOf(story.Test("hi", absl::Now(), contact)) == Verdicts{v1::VERDICT_FIRED});
  CHECK(VerdictsOf(story.Test("hi", absl::Now())) == Verdicts{v1::VERDICT_CHANNEL});
  story.Write(kWriter, "hi");
  story.Expect(kWriter, {"dear member"});
  // What the same message does comes too late: it is a subscriber's with the next.
  story.Write(kWriter, "STOP CLUB");
  story.Expect(kWriter, {"dear member", "left CLUB", "dear member"});
  story.Write(kWriter, "NEWS");
  story.Expect(kWriter, {"dear member", "left CLUB", "dear member", "joined NEWS"});
  story.WaitForEvaluations(4);
  CHECK(VerdictsOf(story.Evaluations().evaluations(0)) == Verdicts{v1::VERDICT_CHANNEL});
  CHECK_FALSE(story.Evaluations().evaluations(0).first_message());
}

TEST_CASE("What is not possible in a group is refused for it", "[conditions]") {
  v1::Rule rule = Silent("all");
  rule.add_actions()->mutable_answer()->mutable_text()->set_body("x");
  rule.add_actions()->set_add_to_channel(FormatId("chn", 1));
  rule.add_actions()->set_remove_from_channel(FormatId("chn", 1));
  rule.add_actions()->mutable_stop();
  rule.add_actions()->mutable_bot()->set_url("https://example.org/bot");
  rule.add_actions()->mutable_http()->set_url("https://example.org/hook");
  CHECK(CheckRule(rule).ok());
  rule.set_also_for_groups(true);
  CHECK(FieldsOf(CheckRule(rule)) ==
        std::vector<std::string>{"rule.actions[1].answer", "rule.actions[2].add_to_channel",
                                 "rule.actions[3].remove_from_channel", "rule.actions[4].stop",
                                 "rule.actions[5].bot"});
  CHECK(FieldProblemsOf(CheckRule(rule))[0].reason == "NOT_FOR_GROUPS");
}

TEST_CASE("A group's messages are asked of the rules for groups, and nothing else is done there",
          "[conditions]") {
  EngineStory story;
  story.AddChannel("NEWS");
  v1::Rule also = Silent("also");
  also.set_also_for_groups(true);
  also.add_networks(common_v1::NETWORK_WHATSAPP);
  also.mutable_limit()->set_count(2);
  also.mutable_limit()->set_period(v1::LIMIT_PERIOD_EVER);
  also.mutable_limit()->set_scope(v1::LIMIT_SCOPE_CONTACT);
  const v1::Rule made = story.Add(also);
  story.Add(Answering("private", "heard"));
  for (const char* text : {"Stop", "NEWS", "hi"}) story.WriteInGroup("Us", text);
  story.WriteInGroup("Them", "hi");
  story.WaitForEvaluations(4);
  const v1::ListEvaluationsResponse kept = story.Evaluations();
  for (const v1::Evaluation& one : kept.evaluations()) {
    CHECK(one.recognition() == v1::RECOGNITION_NONE);
    CHECK(one.contact_id().empty());
    CHECK(one.actions().empty());
    REQUIRE(one.rules_size() == 1);
    CHECK(one.rules(0).rule_id() == made.id());
  }
  int fired = 0;
  for (const v1::Evaluation& one : kept.evaluations()) {
    fired += one.rules(0).verdict() == v1::VERDICT_FIRED;
    if (one.group_id() == "Them") CHECK(one.rules(0).verdict() == v1::VERDICT_FIRED);
  }
  CHECK(fired == 3);  // a limit per contact is one per group
  CHECK(story.agent->texts(kWriter).empty());
  CHECK(story.contacts
            .Call(&contacts_v1::ContactService::Stub::ListContacts, story.caller,
                  contacts_v1::ListContactsRequest())
            ->contacts()
            .empty());
  v1::TestRulesRequest test;
  test.set_text("Stop");
  test.set_in_group(true);
  test.set_first_message(true);
  test.set_network(common_v1::NETWORK_WHATSAPP);
  auto tried = story.rules.Call(&RuleStub::TestRules, story.caller, test);
  REQUIRE(tried.ok());
  CHECK(tried->recognition() == v1::RECOGNITION_NONE);
  CHECK(VerdictsOf(*tried) == Verdicts{v1::VERDICT_FIRED, v1::VERDICT_GROUP});
  test.set_contact_id(FormatId("con", 1));
  CHECK(FieldsOf(story.rules.Call(&RuleStub::TestRules, story.caller, test).status()) ==
        std::vector<std::string>{"in_group"});
}

TEST_CASE("What is written in a group is forwarded", "[conditions]") {
  EngineStory story;
  v1::Rule rule = Silent("forward");
  rule.set_also_for_groups(true);
  rule.mutable_actions(0)->mutable_http()->set_url("https://example.org/{{contact.name|group}}");
  story.Add(rule);
  story.WriteInGroup("Us", "hi");
  story.WriteInGroup("Us", "hi");
  story.WriteInGroup("Them", "hi");
  story.WaitForEvaluations(3);
  const v1::ListEvaluationsResponse kept = story.Evaluations();
  for (const v1::Evaluation& one : kept.evaluations()) {
    REQUIRE(one.actions_size() == 1);
    CHECK(one.actions(0).kind() == v1::ACTION_KIND_FORWARD);
    CHECK_FALSE(one.actions(0).forward_id().empty());
  }
  auto connection = storage::Connection::Open(story.env.postgres().UrlAs("postgres"));
  auto rows = (*connection)
                  ->Query("SELECT request, contact_id FROM rules.forwards ORDER BY id",
                          storage::Parameters());
  REQUIRE(rows.ok());
  REQUIRE(rows->size() == 3);
  std::map<std::string, int> groups;
  for (const storage::Row row : *rows) {
    v1::StoredForward request;
    REQUIRE(request.ParseFromString(row.String(0)));
    CHECK(request.http().url() == "https://example.org/group");
    CHECK(row.Int(1) == 0);
    ++groups[request.group()];
  }
  CHECK(groups.size() == 2);
  CHECK(groups.count("") == 0);
}

TEST_CASE("Who has opted out stays so, whatever is written in a group", "[conditions]") {
  EngineStory story;
  v1::Rule also = Silent("also");
  also.set_also_for_groups(true);
  story.Add(also);
  story.Write(kWriter, "hi");
  story.WriteInGroup("Us", "STOP");
  story.WaitForEvaluations(2);
  CHECK(story.OnlyContact().state() == contacts_v1::CONTACT_STATE_ACTIVE);
  story.Write(kWriter, "Stop");
  story.Expect(kWriter, {"stopped"});
  story.WriteInGroup("Us", "hi");
  story.WaitForEvaluations(4);
  CHECK(story.OnlyContact().state() == contacts_v1::CONTACT_STATE_STOPPED);
}

TEST_CASE("The caption of a picture opts out as a text does, before every rule and limit",
          "[conditions]") {
  EngineStory story;
  v1::Rule first = Answering("first", "heard");
  first.set_priority(-1000000);
  first.set_stop_here(true);
  story.Add(first);
  story.Write(kWriter, "hi");
  story.Expect(kWriter, {"heard"});
  sims_v1::AgentItem item;
  item.mutable_inbound()->set_provider_message_id("picture");
  item.mutable_inbound()->set_sender_address(kWriter);
  item.mutable_inbound()->mutable_content()->mutable_media()->set_kind(common_v1::MEDIA_KIND_IMAGE);
  item.mutable_inbound()->mutable_content()->mutable_media()->set_caption("Stopp!");
  story.agent->WaitForAck(story.agent->Say({item}));
  story.Expect(kWriter, {"heard", "stopped"});
  CHECK(story.OnlyContact().state() == contacts_v1::CONTACT_STATE_STOPPED);
}

}  // namespace
}  // namespace mo::rules
