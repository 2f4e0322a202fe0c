#include "services/inbox/conversation_store.h"

#include <algorithm>
#include <map>
#include <string>

#include "libs/runtime/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "libs/text/content.h"
#include "services/inbox/errors.h"
#include "services/inbox/message_store.h"

namespace mo::inbox {
namespace {

constexpr size_t kSnippetBytes = 200;

// Columns in the order that FromRow reads.
#define CONVERSATION_COLUMNS "contact_id, unread, last_message_time, snippet"

v1::Conversation FromRow(const storage::Row& row) {
  v1::Conversation conversation;
  conversation.set_id(FormatId("cnv", row.Int(0)));
  conversation.set_contact_id(FormatId("con", row.Int(0)));
  conversation.set_unread(row.Int(1));
  *conversation.mutable_last_message_time() = ToProto(row.Time(2));
  conversation.set_snippet(row.String(3));
  return conversation;
}

absl::StatusOr<v1::Conversation> Only(const absl::StatusOr<storage::Result>& rows) {
  MO_RETURN_IF_ERROR(rows.status());
  if (rows->empty()) return ConversationNotFound();
  return FromRow((*rows)[0]);
}

}  // namespace

// A message that comes late does not become the last one. Rows in order, so that two transactions
// never wait for each other's.
constexpr char kTouchConversations[] =
    "INSERT INTO inbox.conversations AS c (account_id, contact_id, unread, last_message_time, "
    "snippet, waiting_since) SELECT account_id, contact_id, unread, time, snippet, CASE WHEN "
    "unread > "
    "0 THEN first END FROM unnest((SELECT $1::bigint[]), (SELECT $2::bigint[]), (SELECT "
    "$3::bigint[]), (SELECT $4::timestamptz[]), (SELECT $5::text[]), (SELECT $6::timestamptz[])) "
    "AS t (account_id, contact_id, unread, time, snippet, first) ON CONFLICT (account_id, "
    "contact_id) DO UPDATE SET "
    "unread = c.unread + excluded.unread, "
    "waiting_since = coalesce(c.waiting_since, excluded.waiting_since), "
    "last_message_time = greatest(c.last_message_time, excluded.last_message_time), "
    "snippet = CASE WHEN excluded.last_message_time >= c.last_message_time THEN excluded.snippet "
    "ELSE c.snippet END";
void TouchConversations(storage::Transaction& tx, const std::vector<AccountMessage>& messages) {
  struct Touch {
    int64_t unread = 0;
    const v1::Message* last = nullptr;
    absl::Time first_inbound = absl::InfiniteFuture();
  };
  std::map<std::pair<int64_t, int64_t>, Touch> touches;
  for (const auto& [account_id, message] : messages) {
    Touch& touch = touches[{account_id, IdOf(message->contact_id())}];
    if (message->direction() == v1::DIRECTION_INBOUND) {
      ++touch.unread;
      touch.first_inbound = std::min(touch.first_inbound, TimeOf(*message));
    }
    if (touch.last == nullptr || TimeOf(*message) >= TimeOf(*touch.last)) touch.last = message;
  }
  std::vector<int64_t> accounts, contacts, unread;
  std::vector<absl::Time> times, firsts;
  std::vector<std::string> snippets;
  for (const auto& [key, touch] : touches) {
    accounts.push_back(key.first);
    contacts.push_back(key.second);
    unread.push_back(touch.unread);
    times.push_back(TimeOf(*touch.last));
    firsts.push_back(std::min(touch.first_inbound, times.back()));
    snippets.push_back(text::Snippet(touch.last->content(), kSnippetBytes));
  }
  if (accounts.empty()) return;
  tx.Defer(kTouchConversations, accounts, contacts, unread, times, snippets, firsts);
}

constexpr char kEndWaiting[] =
    "WITH waits AS (SELECT account_id, contact_id, waiting_since FROM inbox.conversations WHERE "
    "account_id = $1 AND contact_id = $2 AND waiting_since IS NOT NULL FOR NO KEY UPDATE) UPDATE "
    "inbox.conversations c SET waiting_since = NULL FROM waits w WHERE c.account_id = w.account_id "
    "AND c.contact_id = w.contact_id RETURNING w.waiting_since";
absl::StatusOr<std::optional<absl::Time>> EndWaiting(storage::Transaction& tx, int64_t contact_id) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kEndWaiting, tx.account_id(), contact_id));
  if (rows.empty()) return std::nullopt;
  return rows[0].Time(0);
}

constexpr char kSelectConversation[] = "SELECT " CONVERSATION_COLUMNS
                                       " FROM inbox.conversations WHERE account_id = $1 AND "
                                       "contact_id = $2";
absl::StatusOr<v1::Conversation> SelectConversation(storage::Transaction& tx, int64_t contact_id) {
  return Only(tx.Query(kSelectConversation, tx.account_id(), contact_id));
}

constexpr char kSelectLatest[] = "SELECT " CONVERSATION_COLUMNS
                                 " FROM inbox.conversations WHERE account_id = $1 "
                                 "AND (last_message_time, contact_id) < ($2, $3) "
                                 "ORDER BY last_message_time DESC, contact_id DESC LIMIT $4";
constexpr char kSelectUnread[] = "SELECT " CONVERSATION_COLUMNS
                                 " FROM inbox.conversations WHERE account_id = $1 AND unread > 0 "
                                 "AND (last_message_time, contact_id) < ($2, $3) "
                                 "ORDER BY last_message_time DESC, contact_id DESC LIMIT $4";
absl::StatusOr<std::vector<v1::Conversation>> SelectConversations(storage::Transaction& tx,
                                                                  const ConversationCursor& after,
                                                                  bool unread_only, int32_t limit) {
  MO_ASSIGN_OR_RETURN(storage::Result rows,
                      tx.Query(unread_only ? kSelectUnread : kSelectLatest, tx.account_id(),
                               after.time, after.contact_id, limit));
  std::vector<v1::Conversation> conversations;
  for (const storage::Row row : rows) conversations.push_back(FromRow(row));
  return conversations;
}

constexpr char kMarkRead[] =
    "UPDATE inbox.conversations SET unread = 0 WHERE account_id = $1 AND contact_id = $2 "
    "RETURNING " CONVERSATION_COLUMNS;
absl::StatusOr<v1::Conversation> MarkConversationRead(storage::Transaction& tx,
                                                      int64_t contact_id) {
  return Only(tx.Query(kMarkRead, tx.account_id(), contact_id));
}

}  // namespace mo::inbox
