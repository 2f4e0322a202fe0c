// The rules service's tables.
#pragma once

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/storage/transaction.h"
#include "messageorganizer/rules/v1/rules.pb.h"
#include "services/rules/answers.h"

namespace mo::rules {

absl::StatusOr<OwnAnswers> SelectAnswers(storage::Transaction& tx);
absl::Status UpsertAnswers(storage::Transaction& tx, const v1::StandardAnswers& answers);

// added and removed only.
absl::StatusOr<v1::StopWords> SelectStopWords(storage::Transaction& tx);
absl::Status UpsertStopWords(storage::Transaction& tx, const v1::StopWords& words);

// Kept once per message.
absl::Status InsertEvaluation(storage::Transaction& tx, int64_t account_id,
                              const v1::Evaluation& evaluation);
// Evaluations of messages below `before`, newest first; of all contacts when contact_id is 0.
absl::StatusOr<std::vector<v1::Evaluation>> SelectEvaluations(storage::Transaction& tx,
                                                              int64_t contact_id, int64_t before,
                                                              int32_t limit);
// Deletes up to 1,000 evaluations of all accounts from before the time; how many.
absl::StatusOr<int64_t> DeleteEvaluations(storage::Transaction& tx, absl::Time before);

}  // namespace mo::rules
