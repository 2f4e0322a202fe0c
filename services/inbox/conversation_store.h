// The table of conversations.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/storage/transaction.h"
#include "messageorganizer/inbox/v1/inbox.pb.h"

namespace mo::inbox {

namespace v1 = messageorganizer::inbox::v1;

// A place in the list of conversations, latest first.
struct ConversationCursor {
  absl::Time time = absl::InfiniteFuture();
  int64_t contact_id = 0;
};

// A message of an account.
using AccountMessage = std::pair<int64_t, const v1::Message*>;
// Notes messages in their conversations, which they begin if there are none; inbound ones are
// unread. Written with the commit at the latest.
void TouchConversations(storage::Transaction& tx, const std::vector<AccountMessage>& messages);
// A person answers: nobody waits any more. Since when the contact has waited, if it has.
absl::StatusOr<std::optional<absl::Time>> EndWaiting(storage::Transaction& tx, int64_t contact_id);
// CONVERSATION_NOT_FOUND when there is none.
absl::StatusOr<v1::Conversation> SelectConversation(storage::Transaction& tx, int64_t contact_id);
// Conversations after the cursor, the latest first.
absl::StatusOr<std::vector<v1::Conversation>> SelectConversations(storage::Transaction& tx,
                                                                  const ConversationCursor& after,
                                                                  bool unread_only, int32_t limit);
// Sets unread to zero; CONVERSATION_NOT_FOUND when there is none.
absl::StatusOr<v1::Conversation> MarkConversationRead(storage::Transaction& tx, int64_t contact_id);

}  // namespace mo::inbox
