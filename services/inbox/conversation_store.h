// The table of conversations.
#pragma once

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

// Notes a message in its conversation, which it begins if there is none; inbound ones are unread.
absl::Status TouchConversation(storage::Transaction& tx, int64_t account_id,
                               const v1::Message& message);
// CONVERSATION_NOT_FOUND when there is none.
absl::StatusOr<v1::Conversation> SelectConversation(storage::Transaction& tx, int64_t contact_id);
// Conversations after the cursor, the latest first.
absl::StatusOr<std::vector<v1::Conversation>> SelectConversations(storage::Transaction& tx,
                                                                  const ConversationCursor& after,
                                                                  bool unread_only, int32_t limit);
// Sets unread to zero; CONVERSATION_NOT_FOUND when there is none.
absl::StatusOr<v1::Conversation> MarkConversationRead(storage::Transaction& tx, int64_t contact_id);

}  // namespace mo::inbox
