// Single messages of agents, the API and the rules.
#pragma once

#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "libs/storage/database.h"
#include "libs/tracking/tracker.h"
#include "messageorganizer/contacts/v1/contacts.grpc.pb.h"
#include "messageorganizer/inbox/v1/inbox.pb.h"
#include "messageorganizer/media/v1/media.grpc.pb.h"
#include "messageorganizer/sims/v1/dispatch.grpc.pb.h"
#include "services/inbox/submitter.h"

namespace mo::inbox {

namespace v1 = messageorganizer::inbox::v1;

// Sends, reads and cancels single messages.
class Messages {
 public:
  Messages(App& app, storage::Database& database, events::Outbox& outbox, Submitter& submitter)
      : app_(app),
        database_(database),
        outbox_(outbox),
        submitter_(submitter),
        contacts_(app),
        media_(app),
        dispatches_(app),
        tracker_(app) {}

  // Durable when it returns; on its way then, or waiting for its send_time.
  absl::StatusOr<v1::Message> Send(const Caller& caller, const v1::SendMessageRequest& request);
  absl::StatusOr<v1::Message> Get(const Caller& caller, const v1::GetMessageRequest& request);
  // Skipped when it returns if it was waiting for its send_time; else its state follows as soon as
  // the ledger has decided.
  absl::StatusOr<v1::Message> Cancel(const Caller& caller, const v1::CancelMessageRequest& request);
  // What was received within a time, by id: the order in which it came.
  absl::StatusOr<v1::ListReceivedResponse> ListReceived(const Caller& caller,
                                                        const v1::ListReceivedRequest& request);

 private:
  using Contact = messageorganizer::contacts::v1::Contact;

  // Whether the file that the content carries is the account's.
  absl::Status CheckMedia(const Caller& caller,
                          const messageorganizer::common::v1::Content& content);
  absl::StatusOr<Contact> ContactOf(const Caller& caller, const v1::SendMessageRequest& request);
  absl::StatusOr<Outbound> Draft(const Contact& contact,
                                 const v1::SendMessageRequest& request) const;
  // Puts short links in the place of the message's URLs.
  absl::Status TrackLinks(const Caller& caller, v1::Message& message);
  absl::Status Keep(storage::Transaction& tx, const Outbound& outbound,
                    const std::string& request_id);
  absl::StatusOr<Outbound> CancelWaiting(const Caller& caller, int64_t id);

  App& app_;
  storage::Database& database_;
  events::Outbox& outbox_;
  Submitter& submitter_;
  Client<messageorganizer::contacts::v1::ContactService> contacts_;
  Client<messageorganizer::media::v1::MediaService> media_;
  Client<messageorganizer::sims::v1::DispatchService> dispatches_;
  tracking::Tracker tracker_;
};

}  // namespace mo::inbox
