// Every message of a private chat, and of groups that rules are for: decide, act, keep why.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/runtime/executor.h"
#include "libs/storage/database.h"
#include "messageorganizer/inbox/v1/events.pb.h"
#include "services/rules/act.h"
#include "services/rules/forward_store.h"
#include "services/rules/referee.h"
#include "services/rules/rulebook.h"
#include "services/rules/subscriptions.h"

namespace mo::rules {

// Consumes the events of inbox.
class InboxEvents {
 public:
  // `queued` is called when forwards were queued.
  InboxEvents(App& app, storage::Database& database, Rulebooks& rulebooks, Actor& actor,
              std::function<void()> queued)
      : app_(app),
        database_(database),
        rulebooks_(rulebooks),
        actor_(actor),
        queued_(std::move(queued)),
        referee_(app, database),
        subscriptions_(app),
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
    std::vector<Forward> forwards;  // to be queued with it
    // The case of the same contact or group before it in the batch.
    const Case* previous = nullptr;
  };

  static Occasion OccasionOf(const Case& one);
  // Empty for a group that no rule is for.
  absl::StatusOr<v1::Evaluation> Evaluate(Case& one);
  // The forwards among the decision's steps, whose actions get their ids.
  absl::StatusOr<std::vector<Forward>> ForwardsOf(const Case& one, Decision& decision);
  // Whether the contact's message before this one has stopped it already.
  absl::StatusOr<bool> WasStopped(const Case& one);

  App& app_;
  storage::Database& database_;
  Rulebooks& rulebooks_;
  Actor& actor_;
  const std::function<void()> queued_;
  Referee referee_;
  Subscriptions subscriptions_;
  Executor executor_;
};

}  // namespace mo::rules
