// Does what was decided, through the services that own what is changed.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "messageorganizer/channels/v1/channels.grpc.pb.h"
#include "messageorganizer/contacts/v1/contacts.grpc.pb.h"
#include "messageorganizer/inbox/v1/inbox.grpc.pb.h"
#include "services/rules/decide.h"

namespace mo::rules {

// Thread-safe.
class Actor {
 public:
  explicit Actor(App& app) : contacts_(app), channels_(app), inbox_(app) {}

  // A contact: its id, and what is known of it if that is new enough to go by.
  struct Target {
    std::string id;
    const messageorganizer::contacts::v1::Contact* known = nullptr;
  };
  // Takes the decision's steps in their order, each once however often this is called for the
  // message. Returns those that were possible; an error when the rest must be tried again.
  absl::StatusOr<std::vector<v1::Action>> Act(const Caller& caller, const std::string& message_id,
                                              const Target& contact, const Decision& decision);

 private:
  absl::Status Do(const Caller& caller, const Target& contact, const Step& step);

  Client<messageorganizer::contacts::v1::ContactService> contacts_;
  Client<messageorganizer::channels::v1::ChannelService> channels_;
  Client<messageorganizer::inbox::v1::InboxService> inbox_;
};

}  // namespace mo::rules
