#include "services/inbox/conversations.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "libs/storage/page.h"
#include "services/inbox/broadcast_feed.h"
#include "services/inbox/conversation_store.h"
#include "services/inbox/message_store.h"
#include "services/inbox/timeline.h"

namespace mo::inbox {
namespace {

// "<last message in µs> <contact>".
std::string TokenOf(const v1::Conversation& last) {
  return storage::PageToken(absl::StrCat(absl::ToUnixMicros(FromProto(last.last_message_time())),
                                         " ", IdOf(last.contact_id())));
}

absl::StatusOr<ConversationCursor> CursorOf(const std::string& token) {
  if (token.empty()) return ConversationCursor();
  MO_ASSIGN_OR_RETURN(const std::string key, storage::PageKey(token));
  const std::pair<std::string, std::string> parts = absl::StrSplit(key, absl::MaxSplits(' ', 1));
  int64_t micros = 0;
  ConversationCursor cursor;
  if (!absl::SimpleAtoi(parts.first, &micros) ||
      !absl::SimpleAtoi(parts.second, &cursor.contact_id)) {
    return InvalidField("page_token", "BAD_FORMAT", "must be the next_page_token of a former list");
  }
  cursor.time = absl::FromUnixMicros(micros);
  return cursor;
}

}  // namespace

absl::StatusOr<v1::ListConversationsResponse> Conversations::List(
    const Caller& caller, const v1::ListConversationsRequest& request) {
  const int32_t size = storage::PageSize(request.page_size());
  MO_ASSIGN_OR_RETURN(const ConversationCursor after, CursorOf(request.page_token()));
  MO_ASSIGN_OR_RETURN(std::vector<v1::Conversation> conversations,
                      database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
                        return SelectConversations(tx, after, request.unread_only(), size + 1);
                      }));
  v1::ListConversationsResponse response;
  if (conversations.size() > static_cast<size_t>(size)) {
    conversations.pop_back();
    response.set_next_page_token(TokenOf(conversations.back()));
  }
  for (auto& conversation : conversations) *response.add_conversations() = std::move(conversation);
  return response;
}

absl::StatusOr<v1::Conversation> Conversations::Get(const Caller& caller,
                                                    const v1::GetConversationRequest& request) {
  return database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
    return SelectConversation(tx, IdOf(request.id()));
  });
}

absl::StatusOr<v1::ListTimelineResponse> Conversations::ListTimeline(
    const Caller& caller, const v1::ListTimelineRequest& request) {
  const int32_t size = storage::PageSize(request.page_size());
  const int64_t contact_id = IdOf(request.id());
  MO_ASSIGN_OR_RETURN(const TimelinePosition position, TimelinePositionOf(request.page_token()));
  // One more than asked for tells whether there is another page.
  MO_ASSIGN_OR_RETURN(
      std::vector<v1::Message> own,
      database_.ReadAs(caller.account_id,
                       [&](storage::Transaction& tx) -> absl::StatusOr<std::vector<v1::Message>> {
                         MO_RETURN_IF_ERROR(SelectConversation(tx, contact_id).status());
                         return SelectTimeline(tx, contact_id, position.own, size + 1);
                       }));
  MO_ASSIGN_OR_RETURN(
      std::vector<PlacedDelivery> broadcasts,
      ReadBroadcasts(dispatches_, caller, contact_id, position.broadcasts, size + 1));
  return MergeTimeline(own, broadcasts, position, size);
}

absl::StatusOr<v1::Conversation> Conversations::MarkRead(const Caller& caller,
                                                         const v1::MarkReadRequest& request) {
  return database_.Once<v1::Conversation>(caller, request, [&](storage::Transaction& tx) {
    return MarkConversationRead(tx, IdOf(request.id()));
  });
}

}  // namespace mo::inbox
