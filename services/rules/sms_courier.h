// Messages that go on by SMS.
#pragma once

#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "messageorganizer/contacts/v1/contacts.grpc.pb.h"
#include "messageorganizer/inbox/v1/inbox.grpc.pb.h"
#include "services/rules/forward_store.h"
#include "services/rules/outcome.h"

namespace mo::rules {

// Thread-safe.
class SmsCourier {
 public:
  explicit SmsCourier(App& app) : contacts_(app), inbox_(app) {}

  // Sends the text to the contact with the number, once however often it is called. A permanent
  // failure when there is no such contact or it must not be written to.
  Outcome Send(const Forward& forward);

 private:
  Client<messageorganizer::contacts::v1::ContactService> contacts_;
  Client<messageorganizer::inbox::v1::InboxService> inbox_;
};

}  // namespace mo::rules
