// Every message of a private chat: decide, act, keep why.
#pragma once

#include <optional>
#include <vector>

#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/runtime/executor.h"
#include "libs/storage/database.h"
#include "messageorganizer/inbox/v1/events.pb.h"
#include "services/rules/act.h"
#include "services/rules/referee.h"
#include "services/rules/rulebook.h"

namespace mo::rules {

// Consumes the events of inbox.
class InboxEvents {
 public:
  InboxEvents(App& app, storage::Database& database, Rulebooks& rulebooks, Actor& actor)
      : app_(app),
        database_(database),
        rulebooks_(rulebooks),
        actor_(actor),
        referee_(app, database),
        executor_(8, 1024) {}

  // The events that Handle has something to do for.
  static bool Wants(const events::Event& event);
  // The consumer's handler: effects first, keyed by message, then their evaluations with the
  // offset.
  absl::Status Handle(storage::Transaction& tx, const std::vector<events::Event>& batch);

 private:
  using Received = messageorganizer::inbox::v1::MessageReceived;
  // One message on its way through the handler.
  struct Case {
    Caller caller;
    absl::Time received;
    Received event;
    absl::StatusOr<v1::Evaluation> evaluation = v1::Evaluation();
    // The case of the same contact before it in the batch.
    const Case* previous = nullptr;
  };

  absl::StatusOr<v1::Evaluation> Evaluate(const Case& one);
  // Whether the contact's message before this one has stopped it already.
  absl::StatusOr<bool> WasStopped(const Case& one);

  App& app_;
  storage::Database& database_;
  Rulebooks& rulebooks_;
  Actor& actor_;
  Referee referee_;
  Executor executor_;
};

}  // namespace mo::rules
