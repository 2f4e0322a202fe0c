#include "services/rules/rule_set.h"

#include <catch2/catch.hpp>

#include "libs/runtime/errors.h"
#include "libs/runtime/ids.h"
#include "services/rules/rule_check.h"

namespace mo::rules {
namespace {

namespace common_v1 = messageorganizer::common::v1;

constexpr auto kFired = v1::VERDICT_FIRED;
constexpr auto kNoMatch = v1::VERDICT_NO_MATCH;

// Rules of which each does nothing, in the order in which they were added.
struct Rules {
  v1::Rule& Add(v1::RuleTrigger trigger) {
    v1::Rule& rule = rules.emplace_back();
    rule.set_id(FormatId("rul", static_cast<int64_t>(rules.size())));
    rule.set_trigger(trigger);
    rule.add_actions()->mutable_do_nothing();
    return rule;
  }
  v1::Rule& Define(v1::MatchType type, const std::vector<std::string>& patterns) {
    v1::Rule& rule = Add(v1::RULE_TRIGGER_DEFINE);
    rule.set_match_type(type);
    for (const std::string& pattern : patterns) rule.add_patterns(pattern);
    return rule;
  }
  std::vector<v1::Verdict> Judge(const RuleOccasion& occasion) const {
    const RuleSet set(rules);
    std::vector<Finding> findings = *set.Find(occasion, in_channels);
    REQUIRE(Settle(findings, [](const v1::Rule&) { return kFired; }).ok());
    std::vector<v1::Verdict> verdicts;
    for (const Finding& finding : findings) verdicts.push_back(finding.verdict);
    return verdicts;
  }
  std::vector<v1::Verdict> Judge(const std::string& text) const {
    RuleOccasion occasion;
    occasion.text = text;
    occasion.network = common_v1::NETWORK_WHATSAPP;
    occasion.sim_id = "sim_1";
    return Judge(occasion);
  }

  std::vector<v1::Rule> rules;
  InChannels in_channels;
};

bool Contains(const std::string& pattern, const std::string& text) {
  Rules rules;
  rules.Define(v1::MATCH_TYPE_CONTAINS, {pattern});
  return rules.Judge(text) == std::vector{kFired};
}

bool Found(const std::string& pattern, const std::string& text) {
  Rules rules;
  rules.Define(v1::MATCH_TYPE_REGEXP, {pattern});
  return rules.Judge(text) == std::vector{kFired};
}

TEST_CASE("Words are found however they are written", "[rule-set]") {
  CHECK(Contains("Preis", "Was ist der preis?"));
  CHECK(Contains("preis", "PREISLISTE bitte"));
  CHECK(Contains("kündigen", "ich will kuendigen"));
  CHECK(Contains("kuendigen", "Ich will KÜNDIGEN!"));
  CHECK(Contains("kundigen", "kündigen"));
  CHECK(Contains("cafe", "im Café um drei"));
  CHECK(Contains("ｐｒｅｉｓ", "preis"));
  CHECK(Contains("wie  viel", "Wie viel kostet das"));
  CHECK(Contains("1+1 (a.b)", "macht 1+1 (a.b) zwei"));
  CHECK_FALSE(Contains("1+1", "111"));
  CHECK_FALSE(Contains("preis", "prei s"));
  CHECK_FALSE(Contains("preis", ""));
}

TEST_CASE("Words do not reach from one spelling of the text into the next", "[rule-set]") {
  CHECK_FALSE(Contains("über uber", "über"));
}

TEST_CASE("Regular expressions are found anywhere, case ignored", "[rule-set]") {
  CHECK(Found("order\\s+#?\\d{4}", "My ORDER  #1234 please"));
  CHECK(Found("^hi$", "Hi"));
  CHECK_FALSE(Found("^hi$", "Hi there"));
  CHECK(Found("(?-i)NEWS", "the NEWS"));
  CHECK_FALSE(Found("(?-i)NEWS", "the news"));
  CHECK(Found("ä.ü", "ÄXÜ"));
}

TEST_CASE("One pattern of several is enough", "[rule-set]") {
  Rules rules;
  rules.Define(v1::MATCH_TYPE_CONTAINS, {"open", "hours"});
  rules.Define(v1::MATCH_TYPE_REGEXP, {"^a", "b$"});
  CHECK(rules.Judge("your hours") == std::vector{kFired, kNoMatch});
  CHECK(rules.Judge("thumb") == std::vector{kNoMatch, kFired});
  CHECK(rules.Judge("are you open") == std::vector{kFired, kFired});
}

TEST_CASE("A rule for the rest fires when nothing else was for the message", "[rule-set]") {
  Rules rules;
  rules.Add(v1::RULE_TRIGGER_REST);
  rules.Add(v1::RULE_TRIGGER_ALWAYS);
  rules.Define(v1::MATCH_TYPE_CONTAINS, {"price"});
  CHECK(rules.Judge("hello") == std::vector{kFired, kFired, kNoMatch});
  CHECK(rules.Judge("price?") == std::vector{kNoMatch, kFired, kFired});
  RuleOccasion keyword;
  keyword.text = "news";
  keyword.answered = true;
  CHECK(rules.Judge(keyword) == std::vector{kNoMatch, kFired, kNoMatch});
}

TEST_CASE("A rule that is only tried does nothing and takes nothing from others", "[rule-set]") {
  Rules rules;
  v1::Rule& tried = rules.Define(v1::MATCH_TYPE_CONTAINS, {"price"});
  tried.set_state(v1::RULE_STATE_DRY_RUN);
  tried.set_stop_here(true);
  rules.Add(v1::RULE_TRIGGER_REST);
  CHECK(rules.Judge("price") == std::vector{v1::VERDICT_DRY_RUN, kFired});
  rules.rules[0].set_state(v1::RULE_STATE_DISABLED);
  CHECK(rules.Judge("price") == std::vector{v1::VERDICT_DISABLED, kFired});
}

TEST_CASE("Rules are asked by priority, then by age; one that stops ends it", "[rule-set]") {
  Rules rules;
  rules.Add(v1::RULE_TRIGGER_ALWAYS).set_priority(2);
  rules.Add(v1::RULE_TRIGGER_ALWAYS).set_priority(-1);
  rules.Add(v1::RULE_TRIGGER_ALWAYS).set_priority(2);
  rules.rules[0].set_stop_here(true);
  const RuleSet set(rules.rules);
  CHECK(set.rules()[0].id() == FormatId("rul", 2));
  CHECK(set.rules()[1].id() == FormatId("rul", 1));
  CHECK(rules.Judge("x") == std::vector{kFired, kFired, v1::VERDICT_STOPPED});
}

TEST_CASE("A rule that opts the contact out is the last", "[rule-set]") {
  Rules rules;
  rules.Add(v1::RULE_TRIGGER_ALWAYS).mutable_actions(0)->mutable_stop();
  rules.Add(v1::RULE_TRIGGER_ALWAYS);
  CHECK(rules.Judge("x") == std::vector{kFired, v1::VERDICT_STOPPED});
}

TEST_CASE("One that its limit forbids stops nobody", "[rule-set]") {
  Rules rules;
  rules.Add(v1::RULE_TRIGGER_ALWAYS).set_stop_here(true);
  rules.Add(v1::RULE_TRIGGER_ALWAYS);
  const RuleSet set(rules.rules);
  std::vector<Finding> findings = *set.Find(RuleOccasion());
  REQUIRE(Settle(findings, [&](const v1::Rule& rule) {
            return rule.stop_here() ? v1::VERDICT_LIMIT : kFired;
          }).ok());
  CHECK(findings[0].verdict == v1::VERDICT_LIMIT);
  CHECK(findings[1].verdict == kFired);
}

TEST_CASE("What a rule applies to", "[rule-set]") {
  Rules rules;
  v1::Rule& rule = rules.Add(v1::RULE_TRIGGER_ALWAYS);
  const auto verdict = [&](const RuleOccasion& occasion) { return rules.Judge(occasion)[0]; };
  RuleOccasion occasion;
  occasion.network = common_v1::NETWORK_SMS;
  occasion.sim_id = "sim_2";
  occasion.kind = v1::MESSAGE_KIND_IMAGE;
  occasion.time = absl::FromUnixSeconds(0);  // 00:00
  CHECK(verdict(occasion) == kFired);
  rule.add_networks(common_v1::NETWORK_WHATSAPP);
  CHECK(verdict(occasion) == v1::VERDICT_NETWORK);
  rule.add_networks(common_v1::NETWORK_SMS);
  rule.add_sim_ids("sim_1");
  CHECK(verdict(occasion) == v1::VERDICT_SIM);
  rule.add_sim_ids("sim_2");
  rule.set_only_first_message(true);
  CHECK(verdict(occasion) == v1::VERDICT_NOT_FIRST);
  occasion.first = true;
  rule.add_message_kinds(v1::MESSAGE_KIND_TEXT);
  CHECK(verdict(occasion) == v1::VERDICT_MESSAGE_KIND);
  rule.add_message_kinds(v1::MESSAGE_KIND_IMAGE);
  rule.add_schedule()->set_start("08:00");
  rule.mutable_schedule(0)->set_end("09:00");
  CHECK(verdict(occasion) == v1::VERDICT_SCHEDULE);
  occasion.time += absl::Hours(8);
  CHECK(verdict(occasion) == kFired);
}

TEST_CASE("Expressions that need too much memory together are found one by one", "[rule-set]") {
  Rules rules;
  for (int i = 0; i < 60; ++i) {
    rules.Define(v1::MATCH_TYPE_REGEXP, {absl::StrCat("(a|b)*a(a|b){18}x", i, "y")});
  }
  std::string text;
  for (int i = 0; i < 4000; ++i) text += (i * i / 7) % 3 == 0 ? 'a' : 'b';
  text += "aaaaaaaaaaaaaaaaaaaaaax59y";
  const std::vector<v1::Verdict> verdicts = rules.Judge(text);
  CHECK(verdicts[59] == kFired);
  CHECK(verdicts[58] == kNoMatch);
}

TEST_CASE("What RE2 does not take is refused with its place and a hint", "[rule-set]") {
  const auto problems = [](const std::string& pattern) {
    Rules rules;
    v1::Rule rule = rules.Define(v1::MATCH_TYPE_REGEXP, {"fine", pattern});
    rule.set_display_name("r");
    return FieldProblemsOf(CheckRule(rule));
  };
  const auto ahead = problems("order(?=\\d)");
  REQUIRE(ahead.size() == 1);
  CHECK(ahead[0].field == "rule.patterns[1]");
  CHECK(ahead[0].reason == "BAD_REGEXP");
  CHECK_THAT(ahead[0].detail, Catch::Contains("(?=") && Catch::Contains("at character 6") &&
                                  Catch::Contains("no look-ahead"));
  CHECK_THAT(problems("(a)\\1")[0].detail, Catch::Contains("no back-references"));
  CHECK_THAT(problems("a(b")[0].detail, Catch::Contains("missing"));
  CHECK(problems("a(b)").empty());
}

TEST_CASE("A rule that could not work is refused, everything at once", "[rule-set]") {
  v1::Rule rule;
  rule.set_trigger(v1::RULE_TRIGGER_DEFINE);
  rule.set_match_type(v1::MATCH_TYPE_CONTAINS);
  rule.add_patterns("!!");
  rule.add_networks(static_cast<common_v1::Network>(99));
  rule.add_actions()->mutable_answer()->mutable_text()->set_body("Hi {{nmae}}");
  rule.add_actions();
  std::vector<std::string> fields;
  for (const FieldProblem& problem : FieldProblemsOf(CheckRule(rule)))
    fields.push_back(problem.field);
  CHECK_THAT(fields, Catch::UnorderedEquals(std::vector<std::string>{
                         "rule.display_name", "rule.networks[0]", "rule.patterns[0]",
                         "rule.actions[0].answer.text.body", "rule.actions[1]"}));
}

}  // namespace
}  // namespace mo::rules
