// The tables of channels and their keywords.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/storage/transaction.h"
#include "messageorganizer/channels/v1/channels.pb.h"

namespace mo::channels {

namespace v1 = messageorganizer::channels::v1;

// Most channels of an account.
inline constexpr int kMaxChannels = 1000;

// Fails with CHANNEL_LIMIT; the keywords are apart, see SetKeywords.
absl::Status InsertChannel(storage::Transaction& tx, int64_t id, const v1::Channel& channel);
// With its subscribers; CHANNEL_NOT_FOUND. With `lock` nobody else can change it until the commit.
absl::StatusOr<v1::Channel> SelectChannel(storage::Transaction& tx, int64_t id, bool lock = false);
// Channels with an id below `before`, newest first.
absl::StatusOr<std::vector<v1::Channel>> SelectChannels(storage::Transaction& tx, int64_t before,
                                                        int32_t limit);
// Every channel of the account.
struct AllChannels {
  std::string etag;  // another one after every change; never empty
  // Newest first, without subscribers; none if the etag is the one that is known.
  std::vector<v1::Channel> channels;
};
// In one round trip if nothing has changed since `known_etag`, else in two.
absl::StatusOr<AllChannels> SelectAllChannels(storage::Transaction& tx,
                                              absl::string_view known_etag);
// Which of the ids are channels of the account.
absl::StatusOr<std::vector<int64_t>> SelectExisting(storage::Transaction& tx,
                                                    const std::vector<int64_t>& ids);
// Writes all fields that an update may change, and moves the etag on.
absl::Status UpdateChannel(storage::Transaction& tx, const v1::Channel& channel);
// Marks it deleted and frees its keywords; CHANNEL_NOT_FOUND.
absl::Status MarkDeleted(storage::Transaction& tx, int64_t id, absl::Time now);
// The channel's keywords, in all their foldings, instead of those before; fails with ALREADY_EXISTS
// "keywords_pkey" when another channel has one of them.
absl::Status SetKeywords(storage::Transaction& tx, int64_t id,
                         const std::vector<std::string>& forms);

// A deleted channel whose subscriptions are to go.
struct DeletedChannel {
  int64_t account_id = 0;
  int64_t id = 0;
};
// The one that was deleted first, over all accounts; id 0 if there is none.
absl::StatusOr<DeletedChannel> SelectDeleted(storage::Transaction& tx);
// What a sweep did.
struct Swept {
  int64_t deleted = 0;    // subscriptions
  bool complete = false;  // none are left, and the channel itself is gone
};
// Deletes up to `limit` of its subscriptions; when none are left, the channel itself.
absl::StatusOr<Swept> Sweep(storage::Transaction& tx, const DeletedChannel& channel, int32_t limit);

}  // namespace mo::channels
