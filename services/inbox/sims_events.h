// What sims tells: messages that have arrived, and how far ours have come.
#pragma once

#include <vector>

#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "libs/runtime/executor.h"
#include "messageorganizer/contacts/v1/contacts.grpc.pb.h"
#include "messageorganizer/sims/v1/events.pb.h"
#include "services/inbox/message_store.h"

namespace mo::inbox {

// Consumes the events of sims: each inbound message is recorded with contacts and kept once, each
// news of a single message raises its state.
class SimsEvents {
 public:
  SimsEvents(App& app, events::Outbox& outbox)
      : app_(app), outbox_(outbox), contacts_(app), executor_(8, 1024) {}

  // The consumer's handler.
  absl::Status Handle(storage::Transaction& tx, const std::vector<events::Event>& batch);

 private:
  using Inbound = messageorganizer::sims::v1::InboundReceived;
  using Recorded = messageorganizer::contacts::v1::RecordInboundResponse;
  // An inbound message and what contacts say about its sender; nothing for a group's.
  struct Arrival {
    int64_t account_id = 0;
    std::string request_id;
    Inbound inbound;
    absl::StatusOr<Recorded> recorded = Recorded();
  };

  // Asks contacts, different senders side by side.
  void Record(std::vector<Arrival>& arrivals);
  absl::Status Keep(storage::Transaction& tx, const Arrival& arrival);
  absl::Status Raise(storage::Transaction& tx, const events::Event& event,
                     const messageorganizer::sims::v1::DispatchProgress& progress);

  App& app_;
  events::Outbox& outbox_;
  Client<messageorganizer::contacts::v1::ContactService> contacts_;
  Executor executor_;
};

}  // namespace mo::inbox
