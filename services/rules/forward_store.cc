#include "services/rules/forward_store.h"

#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "services/rules/errors.h"

namespace mo::rules {
namespace {

#define FORWARD_COLUMNS                                                               \
  "f.account_id, f.id, f.kind, f.rule_id, f.message_id, f.contact_id, f.webhook_id, " \
  "f.sequence, f.destination, f.target, f.request, f.state, f.attempt_count, "        \
  "f.next_attempt_time, f.expire_time, f.create_time, f.finish_time"

Forward ForwardOf(const storage::Row& row) {
  Forward forward;
  forward.account_id = row.Int(0);
  forward.id = row.Int(1);
  forward.kind = static_cast<v1::ForwardKind>(row.Int(2));
  forward.rule_id = row.Int(3);
  forward.message_id = row.Int(4);
  forward.contact_id = row.Int(5);
  forward.webhook_id = row.Int(6);
  forward.sequence = row.Int(7);
  forward.destination = row.String(8);
  forward.target = row.String(9);
  forward.request.ParseFromString(row.String(10));
  forward.state = static_cast<v1::ForwardState>(row.Int(11));
  forward.attempt_count = static_cast<int32_t>(row.Int(12));
  forward.next_attempt_time = row.Time(13);
  forward.expire_time = row.Time(14);
  forward.create_time = row.Time(15);
  forward.finish_time = row.Time(16);
  return forward;
}

std::vector<Forward> ForwardsOf(const storage::Result& rows) {
  std::vector<Forward> forwards;
  for (const storage::Row row : rows) forwards.push_back(ForwardOf(row));
  return forwards;
}

std::vector<storage::Bytes> BytesOf(const std::vector<std::string>& texts) {
  std::vector<storage::Bytes> bytes;
  for (const std::string& text : texts) bytes.push_back({text});
  return bytes;
}

std::string IdOrEmpty(const char* prefix, int64_t id) {
  return id == 0 ? "" : FormatId(prefix, id);
}

}  // namespace

constexpr char kInsertForwards[] =
    "INSERT INTO rules.forwards AS f (account_id, id, kind, rule_id, message_id, contact_id, "
    "webhook_id, sequence, destination, target, request, state, attempt_count, next_attempt_time, "
    "expire_time, create_time) SELECT n.account_id, n.id, n.kind, n.rule_id, n.message_id, "
    "n.contact_id, n.webhook_id, n.sequence, n.destination, n.target, n.request, 1, 0, n.next, "
    "n.expire, n.created FROM unnest((SELECT $1::bigint[]), (SELECT $2::bigint[]), (SELECT "
    "$3::smallint[]), (SELECT $4::bigint[]), (SELECT $5::bigint[]), (SELECT $6::bigint[]), (SELECT "
    "$7::bigint[]), (SELECT $8::bigint[]), (SELECT $9::text[]), (SELECT $10::text[]), (SELECT "
    "$11::bytea[]), (SELECT $12::timestamptz[]), (SELECT $13::timestamptz[]), (SELECT "
    "$14::timestamptz[])) AS n (account_id, id, kind, rule_id, message_id, contact_id, webhook_id, "
    "sequence, destination, target, request, next, expire, created)";
void InsertForwards(storage::Transaction& tx, const std::vector<Forward>& forwards) {
  if (forwards.empty()) return;
  std::vector<int64_t> accounts, ids, rules, messages, contacts, webhooks, sequences;
  std::vector<int16_t> kinds;
  std::vector<std::string> destinations, targets, requests;
  std::vector<absl::Time> next, expire, created;
  for (const Forward& forward : forwards) {
    accounts.push_back(forward.account_id);
    ids.push_back(forward.id);
    kinds.push_back(static_cast<int16_t>(forward.kind));
    rules.push_back(forward.rule_id);
    messages.push_back(forward.message_id);
    contacts.push_back(forward.contact_id);
    webhooks.push_back(forward.webhook_id);
    sequences.push_back(forward.sequence);
    destinations.push_back(forward.destination);
    targets.push_back(forward.target);
    requests.push_back(forward.request.SerializeAsString());
    next.push_back(forward.next_attempt_time);
    expire.push_back(forward.expire_time);
    created.push_back(forward.create_time);
  }
  tx.Defer(kInsertForwards, accounts, ids, kinds, rules, messages, contacts, webhooks, sequences,
           destinations, targets, BytesOf(requests), next, expire, created);
}

// The destinations are found by leaps along the index, one row each; then some rows of each.
constexpr char kClaim[] =
    "WITH RECURSIVE d AS ((SELECT destination FROM rules.forwards WHERE state = 1 AND destination "
    "> $1 ORDER BY destination LIMIT 1) UNION ALL SELECT (SELECT f.destination FROM rules.forwards "
    "f WHERE f.state = 1 AND f.destination > d.destination ORDER BY f.destination LIMIT 1) FROM d "
    "WHERE d.destination IS NOT NULL), due AS MATERIALIZED (SELECT x.account_id, x.id FROM d LEFT "
    "JOIN unnest((SELECT $2::text[]), (SELECT $3::int[])) AS b (destination, less) ON "
    "b.destination = d.destination CROSS JOIN LATERAL (SELECT f.account_id, f.id FROM "
    "rules.forwards f LEFT JOIN rules.webhooks w ON w.account_id = f.account_id AND w.id = "
    "f.webhook_id WHERE f.state = 1 AND f.destination = d.destination AND f.next_attempt_time <= "
    "$4 AND w.state IS DISTINCT FROM 2 ORDER BY f.next_attempt_time LIMIT greatest(0, $5::int - "
    "coalesce(b.less, 0)) FOR UPDATE OF f SKIP LOCKED) x WHERE d.destination IS NOT NULL LIMIT $6) "
    "UPDATE rules.forwards f SET next_attempt_time = CASE WHEN f.kind = 3 THEN $8 ELSE $7 END FROM "
    "due WHERE f.account_id = "
    "due.account_id AND f.id = due.id RETURNING " FORWARD_COLUMNS;
absl::StatusOr<std::vector<Forward>> ClaimForwards(storage::Transaction& tx, const Claim& claim) {
  std::vector<std::string> destinations;
  std::vector<int32_t> less;
  for (const auto& [destination, count] : claim.less) {
    destinations.push_back(destination);
    less.push_back(count);
  }
  MO_ASSIGN_OR_RETURN(
      const storage::Result rows,
      tx.Query(kClaim, claim.after, destinations, less, claim.now, claim.per_destination,
               claim.slots, claim.lease_end, claim.mail_lease_end));
  return ForwardsOf(rows);
}

constexpr char kSaveAttempts[] =
    "UPDATE rules.forwards f SET state = n.state, request = n.request, attempt_count = n.attempts, "
    "next_attempt_time = n.next, finish_time = n.finish, expire_time = n.expire FROM "
    "unnest((SELECT $1::bigint[]), (SELECT "
    "$2::bigint[]), (SELECT $3::smallint[]), (SELECT $4::bytea[]), (SELECT $5::int[]), (SELECT "
    "$6::timestamptz[]), (SELECT $7::timestamptz[]), (SELECT $8::timestamptz[]), (SELECT "
    "$9::timestamptz[])) AS n (account_id, id, state, request, attempts, next, finish, lease, "
    "expire) WHERE f.account_id = n.account_id AND f.id "
    "= n.id AND f.state = 1 AND (f.next_attempt_time = n.lease OR n.state = 2)";
void SaveAttempts(storage::Transaction& tx, const std::vector<Forward>& forwards,
                  const std::vector<absl::Time>& lease_ends) {
  std::vector<int64_t> accounts, ids;
  std::vector<int16_t> states;
  std::vector<std::string> requests;
  std::vector<int32_t> attempts;
  std::vector<absl::Time> next, finish, expire;
  for (const Forward& forward : forwards) {
    accounts.push_back(forward.account_id);
    ids.push_back(forward.id);
    states.push_back(static_cast<int16_t>(forward.state));
    requests.push_back(forward.request.SerializeAsString());
    attempts.push_back(forward.attempt_count);
    next.push_back(forward.next_attempt_time);
    finish.push_back(forward.finish_time);
    expire.push_back(forward.expire_time);
  }
  tx.Defer(kSaveAttempts, accounts, ids, states, BytesOf(requests), attempts, next, finish,
           lease_ends, expire);
}

constexpr char kSelectForward[] =
    "SELECT " FORWARD_COLUMNS " FROM rules.forwards f WHERE f.account_id = $1 AND f.id = $2";
constexpr char kLockForward[] = "SELECT " FORWARD_COLUMNS
                                " FROM rules.forwards f WHERE f.account_id = $1 AND f.id = $2 FOR "
                                "UPDATE";
absl::StatusOr<Forward> SelectForward(storage::Transaction& tx, int64_t id, bool lock) {
  MO_ASSIGN_OR_RETURN(const storage::Result rows,
                      tx.Query(lock ? kLockForward : kSelectForward, tx.account_id(), id));
  if (rows.empty()) return ForwardNotFound();
  return ForwardOf(rows[0]);
}

constexpr char kRevive[] =
    "UPDATE rules.forwards SET state = 1, next_attempt_time = $3, expire_time = $4, finish_time = "
    "NULL WHERE account_id = $1 AND id = $2";
void ReviveForward(storage::Transaction& tx, const Forward& forward) {
  tx.Defer(kRevive, forward.account_id, forward.id, forward.next_attempt_time, forward.expire_time);
}

constexpr char kSelectForwards[] =
    "SELECT " FORWARD_COLUMNS
    " FROM rules.forwards f WHERE f.account_id = $1 AND f.id < $2 AND ($3 = 0 OR f.state = $3) AND "
    "($4 = 0 OR f.rule_id = $4) ORDER BY f.id DESC LIMIT $5";
constexpr char kSelectDead[] =
    "SELECT " FORWARD_COLUMNS
    " FROM rules.forwards f WHERE f.account_id = $1 AND f.id < $2 AND f.state = 3 AND ($3 = 0 OR "
    "f.rule_id = $3) ORDER BY f.id DESC LIMIT $4";
constexpr char kSelectOfMessage[] =
    "SELECT " FORWARD_COLUMNS
    " FROM rules.forwards f WHERE f.account_id = $1 AND f.message_id = $2 AND f.message_id <> 0 "
    "AND f.id < $3 AND ($4 = 0 OR f.state = $4) AND ($5 = 0 OR f.rule_id = $5) ORDER BY f.id DESC "
    "LIMIT $6";
absl::StatusOr<std::vector<Forward>> SelectForwards(storage::Transaction& tx,
                                                    const ForwardFilter& filter, int64_t before,
                                                    int32_t limit) {
  const auto state = static_cast<int64_t>(filter.state);
  const auto rows = [&] {
    if (filter.message_id != 0) {
      return tx.Query(kSelectOfMessage, tx.account_id(), filter.message_id, before, state,
                      filter.rule_id, limit);
    }
    if (filter.state == v1::FORWARD_STATE_DEAD) {
      return tx.Query(kSelectDead, tx.account_id(), before, filter.rule_id, limit);
    }
    return tx.Query(kSelectForwards, tx.account_id(), before, state, filter.rule_id, limit);
  }();
  MO_RETURN_IF_ERROR(rows.status());
  return ForwardsOf(*rows);
}

constexpr char kSelectDeliveries[] =
    "SELECT " FORWARD_COLUMNS
    " FROM rules.forwards f WHERE f.account_id = $1 AND f.webhook_id = $2 AND f.webhook_id <> 0 "
    "AND f.sequence < $3 AND ($4 = 0 OR f.state = $4) ORDER BY f.sequence DESC LIMIT $5";
absl::StatusOr<std::vector<Forward>> SelectDeliveries(storage::Transaction& tx, int64_t webhook_id,
                                                      v1::ForwardState state, int64_t before,
                                                      int32_t limit) {
  MO_ASSIGN_OR_RETURN(const storage::Result rows,
                      tx.Query(kSelectDeliveries, tx.account_id(), webhook_id, before,
                               static_cast<int64_t>(state), limit));
  return ForwardsOf(rows);
}

constexpr char kReplay[] =
    "WITH again AS (SELECT id FROM rules.forwards WHERE account_id = $1 AND webhook_id = $2 AND "
    "webhook_id <> 0 AND sequence BETWEEN $3 AND $4 AND state <> 1 ORDER BY sequence LIMIT $5), "
    "done AS (UPDATE rules.forwards f SET state = 1, next_attempt_time = $6, expire_time = $7, "
    "finish_time = NULL FROM again WHERE f.account_id = $1 AND f.id = again.id RETURNING "
    "f.sequence) SELECT count(*), coalesce(max(sequence), 0) FROM done";
absl::StatusOr<Replayed> ReplayDeliveries(storage::Transaction& tx, int64_t webhook_id,
                                          int64_t from, int64_t to, absl::Time now,
                                          absl::Time expire_time, int32_t limit) {
  MO_ASSIGN_OR_RETURN(const storage::Result rows, tx.Query(kReplay, tx.account_id(), webhook_id,
                                                           from, to, limit, now, expire_time));
  return Replayed{rows[0].Int(0), rows[0].Int(1)};
}

constexpr char kDeleteDeliveries[] =
    "DELETE FROM rules.forwards WHERE account_id = $1 AND id IN (SELECT id FROM rules.forwards "
    "WHERE account_id = $1 AND webhook_id = $2 AND webhook_id <> 0 LIMIT $3)";
absl::StatusOr<int64_t> DeleteDeliveries(storage::Transaction& tx, int64_t webhook_id,
                                         int32_t limit) {
  MO_ASSIGN_OR_RETURN(const storage::Result deleted,
                      tx.Query(kDeleteDeliveries, tx.account_id(), webhook_id, limit));
  return deleted.affected();
}

constexpr char kDeleteForwards[] =
    "DELETE FROM rules.forwards WHERE (account_id, id) IN (SELECT account_id, id FROM "
    "rules.forwards WHERE state <> 1 AND finish_time < $1 ORDER BY finish_time LIMIT 1000)";
absl::StatusOr<int64_t> DeleteForwards(storage::Transaction& tx, absl::Time before) {
  MO_ASSIGN_OR_RETURN(const storage::Result deleted, tx.Query(kDeleteForwards, before));
  return deleted.affected();
}

v1::Forward ShownForward(const Forward& forward) {
  v1::Forward shown;
  shown.set_id(FormatId("fwd", forward.id));
  shown.set_kind(forward.kind);
  shown.set_rule_id(IdOrEmpty("rul", forward.rule_id));
  shown.set_message_id(IdOrEmpty("msg", forward.message_id));
  shown.set_contact_id(IdOrEmpty("con", forward.contact_id));
  shown.set_webhook_id(IdOrEmpty("whk", forward.webhook_id));
  shown.set_sequence(forward.sequence);
  shown.set_target(forward.target);
  shown.set_state(forward.state);
  shown.set_attempt_count(forward.attempt_count);
  if (forward.state == v1::FORWARD_STATE_PENDING) {
    *shown.mutable_next_attempt_time() = ToProto(forward.next_attempt_time);
    *shown.mutable_expire_time() = ToProto(forward.expire_time);
  } else {
    *shown.mutable_finish_time() = ToProto(forward.finish_time);
  }
  *shown.mutable_create_time() = ToProto(forward.create_time);
  return shown;
}

}  // namespace mo::rules
