// Judges SIMs by how their messages are taken: slows down, speeds up, pauses.
#pragma once

#include "absl/status/statusor.h"
#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "services/sims/gateway.h"

namespace mo::sims {

// Computes SimQuality of whatever is due and decides (quality_rules.h). All replicas do: each takes
// rows that no other has locked and sets when they are due next, so that a SIM is judged once.
class QualityJudge {
 public:
  QualityJudge(App& app, storage::Database& database, events::Outbox& outbox, Gateway& gateway,
               absl::Duration interval)
      : app_(app), database_(database), outbox_(outbox), gateway_(gateway), interval_(interval) {}

  // Whether there may be more that is due.
  absl::StatusOr<bool> RunOnce();

 private:
  App& app_;
  storage::Database& database_;
  events::Outbox& outbox_;
  Gateway& gateway_;
  const absl::Duration interval_;  // between two judgements of a SIM
};

}  // namespace mo::sims
