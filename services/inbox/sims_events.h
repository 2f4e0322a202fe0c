// What sims tells: messages that have arrived, and how far ours have come.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "libs/runtime/executor.h"
#include "messageorganizer/contacts/v1/contacts.grpc.pb.h"
#include "messageorganizer/sims/v1/events.pb.h"
#include "services/inbox/message_store.h"

namespace mo::inbox {

// Handles the events of sims: each inbound message is recorded with contacts and kept once, each
// news of a single message raises its state.
class SimsEvents {
 public:
  SimsEvents(App& app, events::Outbox& outbox)
      : app_(app), outbox_(outbox), contacts_(app), executor_(8, 1024) {}

  // What has arrived; somebody waits for the answer.
  static bool WantsInbound(const events::Event& event);
  // News of single messages of ours. Nobody waits for them, and there are two or three per message:
  // a consumer of their own lets many share a transaction, and what arrives not wait for them.
  static bool WantsNews(const events::Event& event);
  // The handler of both consumers.
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

  // What has become of a message of ours.
  struct News {
    std::pair<int64_t, int64_t> message;  // account and id
    std::string request_id;
    messageorganizer::common::v1::DeliveryState state;
    messageorganizer::common::v1::DeliveryReason reason;
  };

  // Asks contacts, different senders side by side.
  void Record(std::vector<Arrival>& arrivals);
  v1::Message MessageOf(const Arrival& arrival) const;
  absl::Status Received(storage::Transaction& tx, const std::vector<Arrival>& arrivals,
                        const std::vector<v1::Message>& messages, storage::Pending inserted);
  absl::Status Raised(storage::Transaction& tx, const std::vector<News>& news,
                      storage::Pending locked);

  App& app_;
  events::Outbox& outbox_;
  Client<messageorganizer::contacts::v1::ContactService> contacts_;
  Executor executor_;
};

}  // namespace mo::inbox
