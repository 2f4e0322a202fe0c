// A content sent to a few contacts, to see how it looks.
#pragma once

#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "libs/storage/database.h"
#include "messageorganizer/channels/v1/broadcasts.pb.h"
#include "messageorganizer/contacts/v1/contacts.grpc.pb.h"
#include "messageorganizer/sims/v1/dispatch.grpc.pb.h"
#include "services/channels/broadcast_check.h"

namespace mo::channels {

// Sends tests, through the same code as broadcasts.
class TestSend {
 public:
  TestSend(App& app, storage::Database& database, BroadcastCheck& check)
      : app_(app), database_(database), check_(check), contacts_(app), dispatches_(app) {}

  // The answer is decided once per idempotency key, before anything leaves; what it says is on its
  // way is then submitted under keys of that answer, so a repeat finishes what a crash has left.
  absl::StatusOr<v1::TestBroadcastResponse> Send(const Caller& caller,
                                                 const v1::TestBroadcastRequest& request);

 private:
  absl::Status Check(const Caller& caller, const v1::TestBroadcastRequest& request);
  // Submits one contact's message; NO_SIM when its SIM is gone since.
  absl::Status Submit(const Caller& caller, const std::string& test, const common::Content& content,
                      const contacts_v1::ResolveContactsResponse& known,
                      v1::TestDelivery& delivery);

  App& app_;
  storage::Database& database_;
  BroadcastCheck& check_;
  Client<contacts_v1::ContactService> contacts_;
  Client<messageorganizer::sims::v1::DispatchService> dispatches_;
};

}  // namespace mo::channels
