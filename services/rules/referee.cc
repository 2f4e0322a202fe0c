#include "services/rules/referee.h"

#include <algorithm>
#include <optional>

#include "absl/flags/flag.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "services/rules/rule_store.h"

ABSL_FLAG(int32_t, rules_answers_per_minute, 20,
          "messages of a contact that rules answer within a minute, at most: two machines that "
          "answer each other end there");

namespace mo::rules {
namespace {

// Counts answers to a contact, whatever rule gives them.
constexpr int64_t kLoopGuard = 0;

bool Answers(const v1::Rule& rule) {
  return std::any_of(rule.actions().begin(), rule.actions().end(),
                     [](const v1::RuleAction& action) { return action.has_answer(); });
}

bool IsCounted(const Finding& finding) {
  return finding.verdict == v1::VERDICT_FIRED && finding.rule->state() != v1::RULE_STATE_DRY_RUN &&
         (finding.rule->has_limit() || Answers(*finding.rule));
}

std::vector<int64_t> FiredIn(const std::vector<Finding>& findings) {
  std::vector<int64_t> fired;
  for (const Finding& finding : findings) {
    if (finding.verdict == v1::VERDICT_FIRED) fired.push_back(IdOf(finding.rule->id()));
  }
  return fired;
}

}  // namespace

absl::StatusOr<std::vector<Finding>> Referee::Judge(const Incident& incident, const RuleSet& rules,
                                                    const RuleOccasion& occasion) {
  const std::vector<Finding> found = rules.Find(occasion);
  if (std::none_of(found.begin(), found.end(), IsCounted)) {
    std::vector<Finding> findings = found;
    MO_RETURN_IF_ERROR(Settle(findings, [](const v1::Rule&) { return v1::VERDICT_FIRED; }));
    return findings;
  }
  return database_.As(
      incident.account_id, [&](storage::Transaction& tx) -> absl::StatusOr<std::vector<Finding>> {
        std::vector<Finding> findings = found;
        MO_ASSIGN_OR_RETURN(const Fired before, SelectDecision(tx, incident.message_id));
        if (!before.decided) {
          MO_RETURN_IF_ERROR(Count(tx, incident, occasion, findings));
          MO_RETURN_IF_ERROR(
              InsertDecision(tx, incident.message_id, FiredIn(findings), app_.clock().Now()));
          return findings;
        }
        MO_RETURN_IF_ERROR(Settle(findings, [&](const v1::Rule& rule) {
          const bool fired = std::find(before.rules.begin(), before.rules.end(), IdOf(rule.id())) !=
                             before.rules.end();
          return fired ? v1::VERDICT_FIRED : v1::VERDICT_LIMIT;
        }));
        return findings;
      });
}

absl::Status Referee::Count(storage::Transaction& tx, const Incident& incident,
                            const RuleOccasion& occasion, std::vector<Finding>& findings) {
  std::optional<bool> may_answer;  // asked once for the message, when something would be answered
  return Settle(findings, [&](const v1::Rule& rule) -> absl::StatusOr<v1::Verdict> {
    const bool each = rule.limit().scope() == v1::LIMIT_SCOPE_CONTACT;
    const UseKey use = {IdOf(rule.id()), each ? incident.contact_id : 0,
                        PeriodOf(rule.limit().period(), occasion.time, occasion.zone)};
    if (rule.has_limit()) {
      MO_ASSIGN_OR_RETURN(const bool counted, CountUse(tx, use, rule.limit().count()));
      if (!counted) return v1::VERDICT_LIMIT;
    }
    if (!Answers(rule)) return v1::VERDICT_FIRED;
    if (!may_answer) {
      const UseKey answer = {kLoopGuard, incident.contact_id,
                             PeriodOf(v1::LIMIT_PERIOD_MINUTE, occasion.time, occasion.zone)};
      MO_ASSIGN_OR_RETURN(may_answer,
                          CountUse(tx, answer, absl::GetFlag(FLAGS_rules_answers_per_minute)));
    }
    if (*may_answer) return v1::VERDICT_FIRED;
    if (rule.has_limit()) TakeBackUse(tx, use);
    return v1::VERDICT_LOOP_GUARD;
  });
}

}  // namespace mo::rules
