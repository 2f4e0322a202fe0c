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
void InsertOutbound(storage::Transaction& tx, const Outbound& outbound) {
  const v1::Message& message = outbound.message;
  tx.Defer(kInsertOutbound, outbound.account_id, IdOf(message.id()), IdOf(message.contact_id()),
           IdOf(message.sim_id()), static_cast<int16_t>(message.direction()),
           storage::Bytes{message.content().SerializeAsString()},
           static_cast<int16_t>(message.state()), static_cast<int16_t>(message.origin()),
           FromProto(message.create_time()), FromProto(message.send_time()), TimeOf(message),
           static_cast<int16_t>(outbound.phase), outbound.due_time, outbound.stop_confirmation);
}

constexpr char kInsertInbound[] =
    "INSERT INTO inbox.messages (account_id, id, contact_id, sim_id, direction, content, group_id, "
    "create_time, time, inbound_id) SELECT account_id, id, contact_id, sim_id, 1, content, "
    "group_id, create_time, create_time, inbound_id FROM unnest((SELECT $1::bigint[]), (SELECT "
    "$2::bigint[]), "
    "(SELECT $3::bigint[]), (SELECT $4::bigint[]), (SELECT $5::bytea[]), (SELECT $6::text[]), "
    "(SELECT $7::timestamptz[]), (SELECT $8::bigint[])) AS new "
    "(account_id, id, contact_id, sim_id, content, group_id, create_time, inbound_id) "
    "ON CONFLICT (account_id, inbound_id) WHERE inbound_id IS NOT NULL DO NOTHING "
    "RETURNING account_id, inbound_id";
static_assert(v1::DIRECTION_INBOUND == 1);
storage::Pending InsertInbound(storage::Transaction& tx, const std::vector<InboundRow>& rows) {
  std::vector<int64_t> accounts, ids, contacts, sims, inbound_ids;
  std::vector<std::string> contents, groups;
  std::vector<absl::Time> times;
  for (const InboundRow& row : rows) {
    const v1::Message& message = *row.message;
    accounts.push_back(row.account_id);
    ids.push_back(IdOf(message.id()));
    contacts.push_back(IdOf(message.contact_id()));
    sims.push_back(IdOf(message.sim_id()));
    contents.push_back(message.content().SerializeAsString());
    groups.push_back(message.group_id());
    times.push_back(FromProto(message.create_time()));
    inbound_ids.push_back(row.inbound_id);
  }
  const std::vector<storage::Bytes> bytes(contents.begin(), contents.end());
  return tx.Ask(kInsertInbound, accounts, ids, contacts, sims, bytes, groups, times, inbound_ids);
}

absl::StatusOr<std::set<std::pair<int64_t, int64_t>>> InsertedInbound(storage::Pending inserted) {
  MO_ASSIGN_OR_RETURN(const storage::Result rows, inserted.Get());
  std::set<std::pair<int64_t, int64_t>> ids;
  for (const storage::Row row : rows) ids.emplace(row.Int(0), row.Int(1));
  return ids;
}

constexpr char kSelectMessage[] =
    "SELECT " MESSAGE_COLUMNS("m") " FROM inbox.messages m WHERE m.account_id = $1 AND m.id = $2";
absl::StatusOr<v1::Message> SelectMessage(storage::Transaction& tx, int64_t account_id,
                                          int64_t id) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectMessage, account_id, id));
  if (rows.empty()) return MessageNotFound();
  return FromRow(rows[0]);
}

// What FromOutboundRow reads.
#define OUTBOUND_COLUMNS(m) MESSAGE_COLUMNS(m) ", " m ".phase, " m ".stop_confirmation"
Outbound FromOutboundRow(int64_t account_id, const storage::Row& row) {
  Outbound outbound;
  outbound.account_id = account_id;
  outbound.message = FromRow(row);
  outbound.phase = static_cast<Phase>(row.Int(kColumns));
  outbound.stop_confirmation = row.Bool(kColumns + 1);
  return outbound;
}

constexpr char kLockMessage[] = "SELECT " OUTBOUND_COLUMNS(
    "m") " FROM inbox.messages m WHERE m.account_id = $1 AND m.id = $2 FOR UPDATE";
absl::StatusOr<Outbound> LockMessage(storage::Transaction& tx, int64_t account_id, int64_t id) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kLockMessage, account_id, id));
  if (rows.empty()) return MessageNotFound();
  return FromOutboundRow(account_id, rows[0]);
}

constexpr char kLockMessages[] = "SELECT " OUTBOUND_COLUMNS(
    "m") ", m.account_id FROM unnest((SELECT $1::bigint[]), (SELECT $2::bigint[])) AS wanted (account_id, id) "
         "JOIN inbox.messages m ON m.account_id = wanted.account_id AND m.id = wanted.id "
         "ORDER BY m.account_id, m.id FOR UPDATE OF m";
storage::Pending LockMessages(storage::Transaction& tx,
                              const std::set<std::pair<int64_t, int64_t>>& ids) {
  std::vector<int64_t> accounts, numbers;
  for (const auto& [account_id, id] : ids) {
    accounts.push_back(account_id);
    numbers.push_back(id);
  }
  return tx.Ask(kLockMessages, accounts, numbers);
}

absl::StatusOr<Outbounds> LockedMessages(storage::Pending locked) {
  MO_ASSIGN_OR_RETURN(const storage::Result rows, locked.Get());
  Outbounds outbounds;
  for (const storage::Row row : rows) {
    const int64_t account_id = row.Int(kColumns + 2);
    outbounds.emplace(std::pair(account_id, row.Int(0)), FromOutboundRow(account_id, row));
  }
  return outbounds;
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

constexpr char kSelectReceived[] = "SELECT " MESSAGE_COLUMNS(
    "m") " FROM inbox.messages m WHERE m.account_id = $1 AND m.id >= $2 AND m.id < $3 "
         "AND m.direction = 1 ORDER BY m.id LIMIT $4";
absl::StatusOr<std::vector<v1::Message>> SelectReceived(storage::Transaction& tx, int64_t first,
                                                        int64_t end, int32_t limit) {
  MO_ASSIGN_OR_RETURN(const storage::Result rows,
                      tx.Query(kSelectReceived, tx.account_id(), first, end, limit));
  std::vector<v1::Message> messages;
  for (const storage::Row row : rows) messages.push_back(FromRow(row));
  return messages;
}

bool Raise(Outbound& outbound, DeliveryState state, DeliveryReason reason) {
  if (!Rises(outbound.message.state(), state)) return false;
  outbound.message.set_state(state);
  outbound.message.set_reason(reason);
  outbound.phase = Phase::kSubmitted;
  return true;
}

constexpr char kUpdateStates[] =
    "UPDATE inbox.messages m SET state = news.state, reason = news.reason, phase = 2, "
    "due_time = NULL FROM unnest((SELECT $1::bigint[]), (SELECT $2::bigint[]), (SELECT "
    "$3::smallint[]), (SELECT $4::smallint[])) "
    "AS news (account_id, id, state, reason) WHERE m.account_id = news.account_id AND m.id = "
    "news.id";
void UpdateStates(storage::Transaction& tx, const std::vector<const Outbound*>& raised) {
  std::vector<int64_t> accounts, ids;
  std::vector<int16_t> states, reasons;
  for (const Outbound* outbound : raised) {
    accounts.push_back(outbound->account_id);
    ids.push_back(IdOf(outbound->message.id()));
    states.push_back(static_cast<int16_t>(outbound->message.state()));
    reasons.push_back(static_cast<int16_t>(outbound->message.reason()));
  }
  if (!ids.empty()) tx.Defer(kUpdateStates, accounts, ids, states, reasons);
}

absl::StatusOr<std::optional<v1::Message>> RaiseState(storage::Transaction& tx, int64_t account_id,
                                                      int64_t id, DeliveryState state,
                                                      DeliveryReason reason) {
  absl::StatusOr<Outbound> found = LockMessage(tx, account_id, id);
  if (absl::IsNotFound(found.status())) return std::nullopt;
  MO_RETURN_IF_ERROR(found.status());
  if (!Raise(*found, state, reason)) return std::nullopt;
  UpdateStates(tx, {&*found});
  return found->message;
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
  for (const storage::Row row : rows)
    claimed.push_back(FromOutboundRow(row.Int(kColumns + 2), row));
  return claimed;
}

constexpr char kMarkSubmitted[] =
    "WITH mine AS (SELECT m.account_id, m.id FROM unnest((SELECT $1::bigint[]), (SELECT "
    "$2::bigint[])) AS "
    "done (account_id, id) JOIN inbox.messages m ON m.account_id = done.account_id "
    "AND m.id = done.id WHERE m.phase < 2 FOR UPDATE OF m SKIP LOCKED) "
    "UPDATE inbox.messages m SET phase = 2, due_time = NULL FROM mine "
    "WHERE m.account_id = mine.account_id AND m.id = mine.id";
absl::Status MarkSubmitted(storage::Transaction& tx, const std::vector<int64_t>& account_ids,
                           const std::vector<int64_t>& ids) {
  return tx.Run(kMarkSubmitted, account_ids, ids);
}

}  // namespace mo::inbox
