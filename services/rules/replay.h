// A rule run over what was received lately, without effects.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "libs/storage/database.h"
#include "messageorganizer/contacts/v1/contacts.grpc.pb.h"
#include "messageorganizer/inbox/v1/inbox.grpc.pb.h"
#include "messageorganizer/rules/v1/rules.pb.h"
#include "messageorganizer/sims/v1/sims.grpc.pb.h"
#include "services/rules/catalogue.h"
#include "services/rules/rehearsal.h"

namespace mo::rules {

// No more messages are replayed at once.
constexpr int64_t kMostReplayed = 10000;

// Thread-safe.
class Replay {
 public:
  Replay(App& app, storage::Database& database, Rulebooks& rulebooks, Catalogue& catalogue)
      : app_(app),
        database_(database),
        rulebooks_(rulebooks),
        catalogue_(catalogue),
        contacts_(app),
        inbox_(app),
        sims_(app),
        subscriptions_(app) {}

  // Reads every message of the time, at most kMostReplayed, and decides each; changes nothing.
  absl::StatusOr<v1::ReplayRuleResponse> Run(const Caller& caller,
                                             const v1::ReplayRuleRequest& request);

 private:
  using Received = messageorganizer::inbox::v1::ReceivedMessage;
  using ReceivedPage = messageorganizer::inbox::v1::ListReceivedResponse;

  // What is replayed: [start, end), listed after a message.
  struct Span {
    absl::Time start;
    absl::Time end;
    int64_t after = 0;
  };
  // What is found on the way.
  struct Course;

  absl::StatusOr<Span> SpanOf(const v1::ReplayRuleRequest& request) const;
  absl::StatusOr<ReceivedPage> NextPage(const Caller& caller, const Span& span, int64_t most,
                                        const std::string& page_token);
  // Decides a page's messages in their order.
  absl::Status RunPage(const Caller& caller, const ReceivedPage& page, Course& course);
  // The SIM's network; unspecified where it is gone.
  absl::StatusOr<messageorganizer::common::v1::Network> NetworkOf(const Caller& caller,
                                                                  const std::string& sim_id,
                                                                  Course& course);
  // Fills in what would have been done at the messages that are listed.
  absl::Status AddActions(const Caller& caller, Course& course);
  static void Tell(const Span& span, Course& course, v1::ReplayRuleResponse& response);

  App& app_;
  storage::Database& database_;
  Rulebooks& rulebooks_;
  Catalogue& catalogue_;
  Client<messageorganizer::contacts::v1::ContactService> contacts_;
  Client<messageorganizer::inbox::v1::InboxService> inbox_;
  Client<messageorganizer::sims::v1::SimService> sims_;
  Subscriptions subscriptions_;
};

}  // namespace mo::rules
