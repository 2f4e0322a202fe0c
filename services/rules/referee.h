// Which rules fire at a message, where that depends on what fired before.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "services/rules/rule_set.h"

namespace mo::rules {

// Thread-safe.
class Referee {
 public:
  Referee(App& app, storage::Database& database) : app_(app), database_(database) {}

  // The message and its contact, as numbers.
  struct Incident {
    int64_t account_id;
    int64_t message_id;
    int64_t contact_id;
  };
  // Judges every rule. Limits, and how many answers a contact may get in a minute, are counted in
  // one transaction with the decision, so that a message that is handled again is decided the same
  // and counted once.
  absl::StatusOr<std::vector<Finding>> Judge(const Incident& incident, const RuleSet& rules,
                                             const RuleOccasion& occasion);

 private:
  absl::Status Count(storage::Transaction& tx, const Incident& incident,
                     const RuleOccasion& occasion, std::vector<Finding>& findings);

  App& app_;
  storage::Database& database_;
};

}  // namespace mo::rules
