// The rules service's tables.
#pragma once

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/storage/transaction.h"
#include "messageorganizer/rules/v1/rules.pb.h"
#include "services/rules/answers.h"

namespace mo::rules {

// What an account has set.
struct OwnRules {
  OwnAnswers answers;
  v1::StopWords stop_words;  // added and removed only, by language too
  int64_t rule_set_version = 0;
};
// In one round trip.
absl::StatusOr<OwnRules> SelectRules(storage::Transaction& tx);
void UpsertAnswers(storage::Transaction& tx, const v1::StandardAnswers& answers);

// added and removed only, by language too.
absl::StatusOr<v1::StopWords> SelectStopWords(storage::Transaction& tx);
void UpsertStopWords(storage::Transaction& tx, const v1::StopWords& words);

// Evaluations of messages, with the account of each.
using Evaluations = std::vector<std::pair<int64_t, const v1::Evaluation*>>;
// Each kept once per message. In a transaction of the system.
void InsertEvaluations(storage::Transaction& tx, const Evaluations& evaluations);
// Evaluations of messages below `before`, newest first; of all contacts when contact_id is 0.
absl::StatusOr<std::vector<v1::Evaluation>> SelectEvaluations(storage::Transaction& tx,
                                                              int64_t contact_id, int64_t before,
                                                              int32_t limit);
// Which of the messages were their contact's first, as far as their evaluations are kept.
absl::StatusOr<std::set<int64_t>> SelectFirstMessages(storage::Transaction& tx,
                                                      const std::vector<int64_t>& messages);
// Deletes up to 1,000 evaluations of all accounts from before the time; how many.
absl::StatusOr<int64_t> DeleteEvaluations(storage::Transaction& tx, absl::Time before);

}  // namespace mo::rules
