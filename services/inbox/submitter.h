// From our table into sims' ledger.
#pragma once

#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "libs/storage/database.h"
#include "libs/storage/group_commit.h"
#include "messageorganizer/contacts/v1/contacts.grpc.pb.h"
#include "messageorganizer/sims/v1/dispatch.grpc.pb.h"
#include "services/inbox/message_store.h"

namespace mo::inbox {

// Submits messages: new ones at once, delayed ones when they are due, and those again whose first
// attempt was cut short. The ledger knows them by their id, so that none is sent twice.
// Thread-safe.
class Submitter {
 public:
  Submitter(App& app, storage::Database& database, events::Outbox& outbox);

  // Submits what waits, and takes no more.
  void Stop() { fresh_.Stop(); }
  // When a message that is submitted now is taken up again should that fail.
  absl::Time RetryTime() const;
  // Submits a message of phase kSubmitting to the contact, soon and with others that come
  // meanwhile; failing that leaves it to RunOnce.
  void Submit(Outbound outbound, std::string address);
  // Marks what was submitted, and takes up what is due, of all accounts; true when there may be
  // more.
  absl::StatusOr<bool> RunOnce();

 private:
  using Contact = messageorganizer::contacts::v1::ResolvedContact;
  // Messages in the ledger, to be marked so; one account's id at the index of its message's.
  struct Marks {
    std::vector<int64_t> account_ids;
    std::vector<int64_t> ids;
  };

  // A message and its recipient's address.
  using Addressed = std::pair<Outbound, std::string>;

  absl::StatusOr<std::vector<Outbound>> Claim();
  void SubmitNew(std::vector<Addressed> messages);
  absl::Status SubmitDue(const Caller& caller, const std::vector<Outbound>& due);
  absl::Status SubmitAll(const Caller& caller, const std::vector<Addressed>& sendable);
  absl::Status EndAll(int64_t account_id, const std::vector<Outbound>& messages,
                      DeliveryState state, DeliveryReason reason);
  absl::Status WriteMarks();

  App& app_;
  storage::Database& database_;
  events::Outbox& outbox_;
  Client<messageorganizer::contacts::v1::ContactService> contacts_;
  Client<messageorganizer::sims::v1::DispatchService> dispatches_;
  std::mutex mutex_;
  Marks marks_;
  // While one batch is submitted the next one gathers. Last: its thread uses all of the above.
  storage::GroupCommit<Addressed> fresh_;
};

}  // namespace mo::inbox
