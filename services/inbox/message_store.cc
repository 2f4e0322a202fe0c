#include "services/inbox/message_store.h"

#include "absl/strings/str_cat.h"
#include "libs/runtime/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "services/inbox/errors.h"

namespace mo::inbox {
namespace {

// Columns in the order that FromRow reads.
#define MESSAGE_COLUMNS(m)                                                                 \
  m ".id, " m ".contact_id, " m ".sim_id, " m ".direction, " m ".content, " m ".state, " m \
    ".reason, " m ".origin, " m ".group_id, " m ".create_time, " m ".send_time"
constexpr int kColumns = 11;

std::string IdOrEmpty(absl::string_view prefix, int64_t id) {
  return id == 0 ? "" : FormatId(prefix, id);
}

v1::Message FromRow(const storage::Row& row) {
  v1::Message message;
  message.set_id(FormatId("msg", row.Int(0)));
  message.set_contact_id(IdOrEmpty("con", row.Int(1)));
  message.set_sim_id(IdOrEmpty("sim", row.Int(2)));
  message.set_direction(static_cast<v1::Direction>(row.Int(3)));
  message.mutable_content()->ParseFromString(row.String(4));
  message.set_state(static_cast<DeliveryState>(row.Int(5)));
  message.set_reason(static_cast<DeliveryReason>(row.Int(6)));
  message.set_origin(static_cast<v1::Origin>(row.Int(7)));
  message.set_group_id(row.String(8));
  *message.mutable_create_time() = ToProto(row.Time(9));
  if (!row.IsNull(10)) *message.mutable_send_time() = ToProto(row.Time(10));
  return message;
}

}  // namespace

absl::Time TimeOf(const v1::Message& message) {
  return FromProto(message.has_send_time() ? message.send_time() : message.create_time());
}

constexpr char kInsertOutbound[] =
    "INSERT INTO inbox.messages (account_id, id, contact_id, sim_id, direction, content, state, "
    "origin, create_time, send_time, time, phase, due_time, stop_confirmation) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
absl::Status InsertOutbound(storage::Transaction& tx, const Outbound& outbound) {
  const v1::Message& message = outbound.message;
  return tx.Run(
      kInsertOutbound, outbound.account_id, IdOf(message.id()), IdOf(message.contact_id()),
      IdOf(message.sim_id()), static_cast<int16_t>(message.direction()),
      storage::Bytes{message.content().SerializeAsString()}, static_cast<int16_t>(message.state()),
      static_cast<int16_t>(message.origin()), FromProto(message.create_time()),
      FromProto(message.send_time()), TimeOf(message), static_cast<int16_t>(outbound.phase),
      outbound.due_time, outbound.stop_confirmation);
}

constexpr char kInsertInbound[] =
    "INSERT INTO inbox.messages (account_id, id, contact_id, sim_id, direction, content, group_id, "
    "create_time, time, inbound_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9) "
    "ON CONFLICT (account_id, inbound_id) WHERE inbound_id IS NOT NULL DO NOTHING";
absl::StatusOr<bool> InsertInbound(storage::Transaction& tx, int64_t account_id, int64_t inbound_id,
                                   const v1::Message& message) {
  MO_ASSIGN_OR_RETURN(
      storage::Result inserted,
      tx.Query(kInsertInbound, account_id, IdOf(message.id()), IdOf(message.contact_id()),
               IdOf(message.sim_id()), static_cast<int16_t>(message.direction()),
               storage::Bytes{message.content().SerializeAsString()}, message.group_id(),
               FromProto(message.create_time()), inbound_id));
  return inserted.affected() == 1;
}

constexpr char kSelectMessage[] =
    "SELECT " MESSAGE_COLUMNS("m") " FROM inbox.messages m WHERE m.account_id = $1 AND m.id = $2";
absl::StatusOr<v1::Message> SelectMessage(storage::Transaction& tx, int64_t account_id,
                                          int64_t id) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectMessage, account_id, id));
  if (rows.empty()) return MessageNotFound();
  return FromRow(rows[0]);
}

constexpr char kLockMessage[] = "SELECT " MESSAGE_COLUMNS(
    "m") ", m.phase, m.stop_confirmation FROM inbox.messages m "
         "WHERE m.account_id = $1 AND m.id = $2 FOR UPDATE";
absl::StatusOr<Outbound> LockMessage(storage::Transaction& tx, int64_t account_id, int64_t id) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kLockMessage, account_id, id));
  if (rows.empty()) return MessageNotFound();
  Outbound outbound;
  outbound.account_id = account_id;
  outbound.message = FromRow(rows[0]);
  outbound.phase = static_cast<Phase>(rows[0].Int(kColumns));
  outbound.stop_confirmation = rows[0].Bool(kColumns + 1);
  return outbound;
}

constexpr char kSelectTimeline[] = "SELECT " MESSAGE_COLUMNS(
    "m") " FROM inbox.messages m WHERE m.account_id = $1 AND m.contact_id = $2 "
         "AND (m.time, m.id) < ($3, $4) ORDER BY m.time DESC, m.id DESC LIMIT $5";
absl::StatusOr<std::vector<v1::Message>> SelectTimeline(storage::Transaction& tx,
                                                        int64_t contact_id,
                                                        const TimelineCursor& after,
                                                        int32_t limit) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectTimeline, tx.account_id(), contact_id,
                                                     after.time, after.id, limit));
  std::vector<v1::Message> messages;
  for (const storage::Row row : rows) messages.push_back(FromRow(row));
  return messages;
}

constexpr char kRaiseState[] =
    "UPDATE inbox.messages SET state = $3, reason = $4, phase = 2, due_time = NULL "
    "WHERE account_id = $1 AND id = $2";
absl::StatusOr<std::optional<v1::Message>> RaiseState(storage::Transaction& tx, int64_t account_id,
                                                      int64_t id, DeliveryState state,
                                                      DeliveryReason reason) {
  absl::StatusOr<Outbound> found = LockMessage(tx, account_id, id);
  if (absl::IsNotFound(found.status())) return std::nullopt;
  MO_RETURN_IF_ERROR(found.status());
  v1::Message& message = found->message;
  if (!Rises(message.state(), state)) return std::nullopt;
  message.set_state(state);
  message.set_reason(reason);
  MO_RETURN_IF_ERROR(tx.Run(kRaiseState, account_id, id, static_cast<int16_t>(state),
                            static_cast<int16_t>(reason)));
  return message;
}

constexpr char kClaimDue[] =
    "WITH due AS (SELECT account_id, id, phase FROM inbox.messages "
    "WHERE phase < 2 AND due_time <= $1 ORDER BY due_time LIMIT $3 FOR UPDATE SKIP LOCKED) "
    "UPDATE inbox.messages m SET phase = 1, due_time = $2 FROM due "
    "WHERE m.account_id = due.account_id AND m.id = due.id "
    "RETURNING " MESSAGE_COLUMNS("m") ", due.phase, m.stop_confirmation, m.account_id";
absl::StatusOr<std::vector<Outbound>> ClaimDue(storage::Transaction& tx, absl::Time now,
                                               absl::Time next, int32_t limit) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kClaimDue, now, next, limit));
  std::vector<Outbound> claimed;
  for (const storage::Row row : rows) {
    Outbound outbound;
    outbound.message = FromRow(row);
    outbound.phase = static_cast<Phase>(row.Int(kColumns));
    outbound.stop_confirmation = row.Bool(kColumns + 1);
    outbound.account_id = row.Int(kColumns + 2);
    claimed.push_back(std::move(outbound));
  }
  return claimed;
}

constexpr char kMarkSubmitted[] =
    "UPDATE inbox.messages m SET phase = 2, due_time = NULL "
    "FROM unnest($1::bigint[], $2::bigint[]) AS done(account_id, id) "
    "WHERE m.account_id = done.account_id AND m.id = done.id AND m.phase < 2";
absl::Status MarkSubmitted(storage::Transaction& tx, const std::vector<int64_t>& account_ids,
                           const std::vector<int64_t>& ids) {
  return tx.Run(kMarkSubmitted, account_ids, ids);
}

}  // namespace mo::inbox
