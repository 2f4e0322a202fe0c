#include "services/rules/referee.h"

#include <algorithm>
#include <optional>

#include "absl/flags/flag.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"

ABSL_FLAG(int32_t, rules_answers_per_minute, 20,
          "messages of a contact that rules answer within a minute, at most: two machines that "
          "answer each other end there");

namespace mo::rules {

namespace inbox_v1 = messageorganizer::inbox::v1;

namespace {

// Counts answers to a contact, whatever rule gives them, and what bots are asked.
constexpr int64_t kLoopGuard = 0;

bool Answers(const v1::Rule& rule) {
  return std::any_of(
      rule.actions().begin(), rule.actions().end(),
      [](const v1::RuleAction& action) { return action.has_answer() || action.has_bot(); });
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

// Counts in the transaction.
class KeptUses final : public Uses {
 public:
  explicit KeptUses(storage::Transaction& tx) : tx_(tx) {}
  absl::StatusOr<bool> Count(const UseKey& use, int32_t limit) override {
    return CountUse(tx_, use, limit);
  }
  void TakeBack(const UseKey& use) override { TakeBackUse(tx_, use); }

 private:
  storage::Transaction& tx_;
};

// What was decided about a message stays so, whatever it has changed since.
absl::StatusOr<std::vector<Finding>> DecidedAgain(const RuleSet& rules,
                                                  const RuleOccasion& occasion,
                                                  const std::vector<int64_t>& fired) {
  const auto has_fired = [&](const v1::Rule& rule) {
    return std::find(fired.begin(), fired.end(), IdOf(rule.id())) != fired.end();
  };
  MO_ASSIGN_OR_RETURN(std::vector<Finding> findings, rules.Find(occasion, has_fired));
  MO_RETURN_IF_ERROR(Settle(findings, [&](const v1::Rule& rule) {
    return has_fired(rule) ? v1::VERDICT_FIRED : v1::VERDICT_LIMIT;
  }));
  return findings;
}

}  // namespace

int64_t WriterOf(const inbox_v1::Message& message) {
  if (message.group_id().empty()) return IdOf(message.contact_id());
  uint64_t hash = 14695981039346656037u;  // FNV-1a
  for (const char c : message.group_id()) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  }
  return -1 - static_cast<int64_t>(hash >> 1);
}

absl::StatusOr<std::vector<Finding>> Referee::Judge(const Incident& incident, const RuleSet& rules,
                                                    const RuleOccasion& occasion,
                                                    const InChannels& in_channels) {
  bool asked = false;
  const InChannels noting = [&](const v1::Rule& rule) -> absl::StatusOr<bool> {
    if (!in_channels) return false;
    asked = true;
    return in_channels(rule);
  };
  MO_ASSIGN_OR_RETURN(const std::vector<Finding> found, rules.Find(occasion, noting));
  if (!asked && std::none_of(found.begin(), found.end(), IsCounted)) {
    std::vector<Finding> findings = found;
    MO_RETURN_IF_ERROR(Settle(findings, [](const v1::Rule&) { return v1::VERDICT_FIRED; }));
    return findings;
  }
  return database_.As(
      incident.account_id, [&](storage::Transaction& tx) -> absl::StatusOr<std::vector<Finding>> {
        MO_ASSIGN_OR_RETURN(const Fired before, SelectDecision(tx, incident.message_id));
        if (before.decided) return DecidedAgain(rules, occasion, before.rules);
        std::vector<Finding> findings = found;
        KeptUses uses(tx);
        MO_RETURN_IF_ERROR(SettleCounted(occasion, incident.writer, uses, findings));
        MO_RETURN_IF_ERROR(
            InsertDecision(tx, incident.message_id, FiredIn(findings), app_.clock().Now()));
        return findings;
      });
}

absl::Status SettleCounted(const RuleOccasion& occasion, int64_t writer, Uses& uses,
                           std::vector<Finding>& findings) {
  std::optional<bool> may_answer;  // asked once for the message, when something would be answered
  return Settle(findings, [&](const v1::Rule& rule) -> absl::StatusOr<v1::Verdict> {
    const bool each = rule.limit().scope() == v1::LIMIT_SCOPE_CONTACT;
    const UseKey use = {IdOf(rule.id()), each ? writer : 0,
                        PeriodOf(rule.limit().period(), occasion.time, occasion.zone)};
    if (rule.has_limit()) {
      MO_ASSIGN_OR_RETURN(const bool counted, uses.Count(use, rule.limit().count()));
      if (!counted) return v1::VERDICT_LIMIT;
    }
    if (!Answers(rule)) return v1::VERDICT_FIRED;
    if (!may_answer) {
      const UseKey answer = {kLoopGuard, writer,
                             PeriodOf(v1::LIMIT_PERIOD_MINUTE, occasion.time, occasion.zone)};
      MO_ASSIGN_OR_RETURN(may_answer,
                          uses.Count(answer, absl::GetFlag(FLAGS_rules_answers_per_minute)));
    }
    if (*may_answer) return v1::VERDICT_FIRED;
    if (rule.has_limit()) uses.TakeBack(use);
    return v1::VERDICT_LOOP_GUARD;
  });
}

}  // namespace mo::rules
