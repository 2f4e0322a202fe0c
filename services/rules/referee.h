// Which rules fire at a message, where that depends on what fired before.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "messageorganizer/inbox/v1/inbox.pb.h"
#include "services/rules/rule_set.h"
#include "services/rules/rule_store.h"

namespace mo::rules {

// Where uses are counted.
class Uses {
 public:
  virtual ~Uses() = default;
  // Counts one use: false, and nothing counted, when there were `limit` already.
  virtual absl::StatusOr<bool> Count(const UseKey& use, int32_t limit) = 0;
  // Takes back one that was just counted.
  virtual void TakeBack(const UseKey& use) = 0;
};

// Goes through what was found in order, counting limits, and how many answers a contact gets in a
// minute. `writer` is the contact's number, or what stands for the group.
absl::Status SettleCounted(const RuleOccasion& occasion, int64_t writer, Uses& uses,
                           std::vector<Finding>& findings);

// A contact's number, or a number that is no contact's for the group that the message was written
// in: the same whenever it is asked for.
int64_t WriterOf(const messageorganizer::inbox::v1::Message& message);

// Thread-safe.
class Referee {
 public:
  Referee(App& app, storage::Database& database) : app_(app), database_(database) {}

  // The message and who has written it, as numbers.
  struct Incident {
    int64_t account_id;
    int64_t message_id;
    int64_t writer;
  };
  // Judges every rule. Limits, and how many answers a contact may get in a minute, are counted in
  // one transaction with the decision, so that a message that is handled again is decided the same
  // and counted once. What `in_channels` says is decided with it: the message may change it.
  absl::StatusOr<std::vector<Finding>> Judge(const Incident& incident, const RuleSet& rules,
                                             const RuleOccasion& occasion,
                                             const InChannels& in_channels = nullptr);

 private:
  App& app_;
  storage::Database& database_;
};

}  // namespace mo::rules
