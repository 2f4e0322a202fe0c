// How many messages a second one core judges; run by tests/bench/run --only rules.
#include <re2/set.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/runtime/ids.h"
#include "services/rules/rule_set.h"

namespace mo::rules {
namespace {

constexpr int kExpressions = 100;
constexpr int kRounds = 5;
constexpr int kMessages = 20000;

std::string Expression(int i) { return absl::StrCat("\\b(order|ticket)\\s*#?", i, "\\d{3}\\b"); }

// A hundred rules with an expression, a hundred with two words each.
std::vector<v1::Rule> TwoHundredRules() {
  std::vector<v1::Rule> rules;
  for (int i = 0; i < 2 * kExpressions; ++i) {
    v1::Rule& rule = rules.emplace_back();
    rule.set_id(FormatId("rul", i + 1));
    rule.set_trigger(v1::RULE_TRIGGER_DEFINE);
    rule.add_actions()->mutable_do_nothing();
    if (i < kExpressions) {
      rule.set_match_type(v1::MATCH_TYPE_REGEXP);
      rule.add_patterns(Expression(i));
    } else {
      rule.set_match_type(v1::MATCH_TYPE_CONTAINS);
      rule.add_patterns(absl::StrCat("Öffnungszeit ", i));
      rule.add_patterns(absl::StrCat("produkt ", i));
    }
  }
  return rules;
}

// A hundred bytes each; every tenth is one for a rule.
std::vector<std::string> Messages() {
  std::vector<std::string> messages;
  for (int i = 0; i < 1000; ++i) {
    messages.push_back(absl::StrCat(
        "Grüß Gott, ich hätte gern gewußt, wann Sie am Samstag (", i, ".) offen haben, wegen ",
        i % 10 == 0 ? absl::StrCat("Order #", i / 10, "123") : "etwas", ". Danke!"));
  }
  return messages;
}

template <class Work>
double PerSecond(const Work& work) {
  std::vector<double> rates;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kMessages; ++i) work(i);
    rates.push_back(
        kMessages /
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(rates.begin(), rates.end());
  return rates[kRounds / 2];
}

TEST_CASE("Evaluations per second with 200 rules", "[.bench]") {
  const RuleSet set(TwoHundredRules());
  const std::vector<std::string> messages = Messages();
  RE2::Options options;
  options.set_case_sensitive(false);
  options.set_max_mem(32 << 20);
  RE2::Set raw(options, RE2::UNANCHORED);
  for (int i = 0; i < kExpressions; ++i) REQUIRE(raw.Add(Expression(i), nullptr) == i);
  REQUIRE(raw.Compile());

  int fired = 0;
  const double evaluations = PerSecond([&](int i) {
    RuleOccasion occasion;
    occasion.text = messages[static_cast<size_t>(i) % messages.size()];
    const std::vector<Finding> findings = *set.Find(occasion);
    for (const Finding& finding : findings) fired += finding.verdict == v1::VERDICT_FIRED;
  });
  CHECK(fired == kRounds * kMessages / 10);
  std::vector<int> hits;
  const double limit = PerSecond(
      [&](int i) { raw.Match(messages[static_cast<size_t>(i) % messages.size()], &hits); });
  std::cout << absl::StreamFormat(
      "{\"evaluations_per_second\": %.0f, \"re2_set_per_second\": %.0f, \"ratio\": %.3f}\n",
      evaluations, limit, evaluations / limit);
}

}  // namespace
}  // namespace mo::rules
