#include "services/rules/rehearsal.h"

#include <algorithm>
#include <utility>

#include "libs/runtime/status.h"

namespace mo::rules {
namespace {

Rulebook WithDraft(const Rulebook& book, v1::Rule draft) {
  std::vector<v1::Rule> rules = book.account->rules->rules();
  std::erase_if(rules, [&](const v1::Rule& rule) { return rule.id() == draft.id(); });
  draft.set_state(v1::RULE_STATE_ENABLED);
  rules.push_back(std::move(draft));
  auto account = std::make_shared<AccountRules>(*book.account);
  account->rules = std::make_shared<const RuleSet>(std::move(rules));
  Rulebook with = book;
  with.account = std::move(account);
  return with;
}

}  // namespace

absl::StatusOr<bool> CountedUses::Count(const UseKey& use, int32_t limit) {
  int32_t& count = counts_[{use.rule_id, use.contact_id, use.period.start}];
  if (count >= limit) return false;
  ++count;
  return true;
}

void CountedUses::TakeBack(const UseKey& use) {
  --counts_[{use.rule_id, use.contact_id, use.period.start}];
}

Rehearsal::Rehearsal(const Rulebook& book, const v1::Rule& draft) : book_(WithDraft(book, draft)) {
  for (const v1::Rule& rule : rules().rules()) {
    if (rule.id() == draft.id()) draft_ = &rule;
  }
}

absl::StatusOr<v1::Verdict> Rehearsal::Judge(const Occasion& occasion, int64_t writer,
                                             const Subscriptions::Channels& channels) {
  const auto asked = ForRules(book_, occasion, Decide(book_, occasion));
  if (!asked) return v1::VERDICT_NOT_ASKED;
  MO_ASSIGN_OR_RETURN(
      std::vector<Finding> findings,
      rules().Find(*asked, [&](const v1::Rule& rule) { return IsAmong(rule, channels); }));
  MO_RETURN_IF_ERROR(SettleCounted(*asked, writer, uses_, findings));
  const auto found = std::find_if(findings.begin(), findings.end(),
                                  [&](const Finding& finding) { return finding.rule == draft_; });
  return found->verdict;
}

std::vector<v1::Action> Rehearsal::Actions(const Occasion& occasion) const {
  Decision decision;
  Obey(book_, occasion, {{draft_, v1::VERDICT_FIRED}}, decision);
  std::vector<v1::Action> actions;
  for (Step& step : decision.steps) actions.push_back(std::move(step.action));
  return actions;
}

}  // namespace mo::rules
