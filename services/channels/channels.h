// Channels of an account: newsletters that contacts subscribe to.
#pragma once

#include <functional>

#include "google/protobuf/empty.pb.h"
#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "libs/storage/database.h"
#include "libs/text/stop_words.h"
#include "messageorganizer/channels/v1/channels.pb.h"
#include "messageorganizer/contacts/v1/contacts.grpc.pb.h"

namespace mo::channels {

namespace v1 = messageorganizer::channels::v1;

// Creates, reads and changes channels. A deleted channel is gone at once; its subscriptions are
// deleted by and by (SweepOnce), many with one event that counts them, and ChannelChanged tells the
// public of all of them. contacts is told which channels there are, because registrations may name
// no others.
class Channels {
 public:
  Channels(App& app, storage::Database& database, events::Outbox& outbox)
      : app_(app), database_(database), outbox_(outbox), contacts_(app) {}
  // Called when there is something to sweep.
  void OnDeleted(std::function<void()> kick) { kick_ = std::move(kick); }

  absl::StatusOr<v1::Channel> Create(const Caller& caller, const v1::CreateChannelRequest& request);
  absl::StatusOr<v1::Channel> Get(const Caller& caller, const v1::GetChannelRequest& request);
  absl::StatusOr<v1::ListChannelsResponse> List(const Caller& caller,
                                                const v1::ListChannelsRequest& request);
  absl::StatusOr<v1::Channel> Update(const Caller& caller, const v1::UpdateChannelRequest& request);
  absl::StatusOr<google::protobuf::Empty> Delete(const Caller& caller,
                                                 const v1::DeleteChannelRequest& request);
  absl::StatusOr<v1::ListKeywordsResponse> ListKeywords(const Caller& caller,
                                                        const v1::ListKeywordsRequest& request);

  // Deletes a batch of a deleted channel's subscriptions; true when there may be more.
  absl::StatusOr<bool> SweepOnce();

 private:
  absl::Status Check(const v1::Channel& channel) const;
  absl::Status TellContacts(const Caller& caller, const std::string& id, bool exists);
  absl::Status Publish(storage::Transaction& tx, const Caller& caller, const std::string& id,
                       bool deleted);

  App& app_;
  storage::Database& database_;
  events::Outbox& outbox_;
  Client<messageorganizer::contacts::v1::ContactService> contacts_;
  const text::StopWords stop_words_;
  std::function<void()> kick_ = [] {};
};

}  // namespace mo::channels
