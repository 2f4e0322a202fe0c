// The tables of an account's rules, and of how often they have fired.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/storage/transaction.h"
#include "messageorganizer/rules/v1/rules.pb.h"
#include "services/rules/schedule.h"

namespace mo::rules {

// An account has no more rules.
constexpr int64_t kMostRules = 500;

// TOO_MANY_RULES when the account has as many as it may have.
absl::Status InsertRule(storage::Transaction& tx, const v1::Rule& rule);
// RULE_NOT_FOUND when there is none. With its etag.
absl::StatusOr<v1::Rule> SelectRule(storage::Transaction& tx, int64_t id, bool lock = false);
// All of them, in the order in which they are asked.
absl::StatusOr<std::vector<v1::Rule>> SelectAllRules(storage::Transaction& tx);
// The same with the version that they are of; 0 while the account never had any.
struct VersionedRules {
  std::vector<v1::Rule> rules;
  int64_t version = 0;
};
absl::StatusOr<VersionedRules> SelectRuleSet(storage::Transaction& tx);
// Replaces a rule that was selected in this transaction.
void ReplaceRule(storage::Transaction& tx, const v1::Rule& rule);
// RULE_NOT_FOUND when it is not there.
absl::Status DeleteRule(storage::Transaction& tx, int64_t id);

// What is counted: a rule's uses in a period, for a contact, for a group (contact_id below 0) or
// for all (contact_id 0).
struct UseKey {
  int64_t rule_id;
  int64_t contact_id;
  Period period;
};
// Counts one use: false, and nothing counted, when there were `limit` already. Exact whoever else
// counts at the same time.
absl::StatusOr<bool> CountUse(storage::Transaction& tx, const UseKey& key, int32_t limit);
// Takes back one that was counted in this transaction.
void TakeBackUse(storage::Transaction& tx, const UseKey& key);

// The rules that fired at a message, if that was decided already.
struct Fired {
  bool decided = false;
  std::vector<int64_t> rules;
};
absl::StatusOr<Fired> SelectDecision(storage::Transaction& tx, int64_t message_id);
// Fails when it was decided already.
absl::Status InsertDecision(storage::Transaction& tx, int64_t message_id,
                            const std::vector<int64_t>& fired, absl::Time now);

// Deletes up to 1,000 counts of all accounts whose period has ended a day ago, and as many of one
// rule that is gone. 0: there is nothing left to do.
absl::StatusOr<int64_t> DeleteUses(storage::Transaction& tx, absl::Time now);
// Deletes up to 1,000 decisions of all accounts from before the time; how many.
absl::StatusOr<int64_t> DeleteDecisions(storage::Transaction& tx, absl::Time before);

}  // namespace mo::rules
