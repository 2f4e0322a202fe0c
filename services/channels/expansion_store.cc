#include "services/channels/expansion_store.h"

#include "libs/runtime/status.h"
#include "services/channels/errors.h"

namespace mo::channels {
namespace {

// Columns in the order that FromRow reads.
#define EXPANSION_COLUMNS \
  "e.page, e.cursor, e.complete, e.stored, e.resolved, e.skipped, e.source_token, e.sims"

Expansion FromRow(const storage::Row& row) {
  Expansion expansion;
  expansion.page = row.Int(0);
  expansion.cursor = row.Int(1);
  expansion.complete = row.Bool(2);
  if (!row.IsNull(3)) expansion.stored.emplace().ParseFromString(row.String(3));
  expansion.resolved = row.Int(4);
  expansion.skipped = row.Get<std::vector<int64_t>>(5);
  expansion.source_token = row.String(6);
  expansion.sims = static_cast<int32_t>(row.Int(7));
  return expansion;
}

std::string Serialize(const Expansion& expansion) {
  return expansion.stored ? expansion.stored->SerializeAsString() : "";
}

std::optional<storage::Bytes> OrNull(const Expansion& expansion, const std::string& stored) {
  return expansion.stored ? std::optional(storage::Bytes{stored}) : std::nullopt;
}

absl::Status Fenced(const absl::StatusOr<storage::Result>& updated) {
  if (!updated.ok()) return updated.status();
  return updated->affected() == 1 ? absl::OkStatus() : TurnLost();
}

}  // namespace

constexpr char kInsertExpansion[] =
    "INSERT INTO channels.expansions (account_id, broadcast_id, open, due_time) "
    "VALUES ($1, $2, $3, $4)";
absl::Status InsertExpansion(storage::Transaction& tx, int64_t id,
                             std::optional<absl::Time> due_time) {
  return tx.Run(kInsertExpansion, tx.account_id(), id, due_time.has_value(),
                due_time.value_or(absl::UnixEpoch()));
}

constexpr char kSelectExpansion[] =
    "SELECT " EXPANSION_COLUMNS
    " FROM channels.expansions e WHERE e.account_id = $1 AND e.broadcast_id = $2";
absl::StatusOr<Expansion> SelectExpansion(storage::Transaction& tx, BroadcastKey key) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectExpansion, key.account_id, key.id));
  if (rows.empty()) return BroadcastNotFound();
  return FromRow(rows[0]);
}

// One at a time, in whatever process.
constexpr char kLockTurns[] = "SELECT pg_advisory_xact_lock(hashtextextended('channels.turns', 0))";

// The planner must not prefer to read, join and sort all past broadcasts for one that is open.
// And a process that is stopped in here must not stop all the others for as long as elsewhere.
constexpr char kConfigure[] =
    "SELECT set_config(name, value, true) FROM (VALUES ('enable_sort', 'off'), "
    "('enable_bitmapscan', 'off'), ('enable_seqscan', 'off'), ('enable_hashjoin', 'off'), "
    "('enable_mergejoin', 'off'), ('idle_in_transaction_session_timeout', '1s')) "
    "AS s (name, value)";

// Brings what is due into its accounts' queues. An account that did not wait begins where the
// others are: it has not saved up for the time when it had nothing to send.
constexpr char kQueueDue[] =
    "WITH due AS (SELECT account_id, broadcast_id FROM channels.expansions "
    "WHERE open AND turn IS NULL AND due_time <= $1 ORDER BY due_time LIMIT $2 "
    "FOR UPDATE SKIP LOCKED), "
    "queued AS (UPDATE channels.expansions e SET turn = nextval('channels.turns') FROM due "
    "WHERE e.account_id = due.account_id AND e.broadcast_id = due.broadcast_id "
    "RETURNING e.account_id), "
    "accounts AS (INSERT INTO channels.account_turns AS t (account_id, pass, waiting) "
    "SELECT DISTINCT account_id, coalesce("
    "(SELECT pass FROM channels.account_turns WHERE waiting ORDER BY pass, account_id LIMIT 1), "
    "(SELECT pass FROM channels.account_turns ORDER BY pass DESC LIMIT 1), 0), true FROM queued "
    "ORDER BY account_id ON CONFLICT (account_id) DO UPDATE SET waiting = true, "
    "pass = CASE WHEN t.waiting THEN t.pass ELSE greatest(t.pass, excluded.pass) END) "
    "SELECT count(*) FROM queued";
constexpr int32_t kQueuedAtOnce = 1000;

constexpr char kNextAccount[] =
    "SELECT account_id FROM channels.account_turns WHERE waiting AND account_id <> ALL($1) "
    "ORDER BY pass, account_id LIMIT 1 FOR UPDATE";
constexpr char kTakeTurn[] =
    "UPDATE channels.expansions e SET turn = nextval('channels.turns'), lease_owner = $1, "
    "lease_epoch = e.lease_epoch + 1, lease_expire_time = now() + interval '10 s' FROM ("
    "SELECT account_id, broadcast_id FROM channels.expansions "
    "WHERE account_id = $2 AND open AND turn IS NOT NULL AND lease_expire_time <= now() "
    "ORDER BY turn LIMIT 1 FOR UPDATE SKIP LOCKED) AS due "
    "WHERE e.account_id = due.account_id AND e.broadcast_id = due.broadcast_id "
    "RETURNING " EXPANSION_COLUMNS ", e.account_id, e.broadcast_id, e.lease_epoch";
// Unless its broadcasts are only being expanded.
constexpr char kStopWaiting[] =
    "UPDATE channels.account_turns SET waiting = false WHERE account_id = $1 AND NOT EXISTS ("
    "SELECT 1 FROM channels.expansions WHERE account_id = $1 AND open AND turn IS NOT NULL)";
absl::StatusOr<std::optional<Turn>> TakeTurn(storage::Transaction& tx, absl::string_view owner,
                                             absl::Time now) {
  tx.Defer(kConfigure);
  tx.Defer(kLockTurns);
  for (int64_t queued = kQueuedAtOnce; queued == kQueuedAtOnce;) {
    MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kQueueDue, now, kQueuedAtOnce));
    queued = rows[0].Int(0);
  }
  // Those whose broadcasts are all being expanded: no more than there are expanders.
  std::vector<int64_t> passed_over;
  for (;;) {
    MO_ASSIGN_OR_RETURN(storage::Result accounts, tx.Query(kNextAccount, passed_over));
    if (accounts.empty()) return std::nullopt;
    const int64_t account_id = accounts[0].Int(0);
    MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kTakeTurn, owner, account_id));
    if (!rows.empty()) {
      const storage::Row row = rows[0];
      return Turn{{row.Int(8), row.Int(9)}, row.Int(10), FromRow(row)};
    }
    tx.Defer(kStopWaiting, account_id);
    passed_over.push_back(account_id);
  }
}

constexpr char kCharge[] =
    "UPDATE channels.account_turns SET pass = pass + $2 WHERE account_id = $1";
void Charge(storage::Transaction& tx, int64_t account_id, double price) {
  tx.Defer(kCharge, account_id, price);
}

constexpr char kRenewTurn[] =
    "UPDATE channels.expansions SET lease_expire_time = now() + interval '10 s' "
    "WHERE account_id = $1 AND broadcast_id = $2 AND lease_epoch = $3 "
    "AND lease_expire_time > '-infinity'";
absl::Status RenewTurn(storage::Transaction& tx, BroadcastKey key, int64_t epoch) {
  return tx.Run(kRenewTurn, key.account_id, key.id, epoch);
}

constexpr char kReopen[] =
    "UPDATE channels.expansions SET open = true, due_time = $3, turn = NULL "
    "WHERE account_id = $1 AND broadcast_id = $2";
absl::Status Reopen(storage::Transaction& tx, BroadcastKey key, absl::Time due_time) {
  return tx.Run(kReopen, key.account_id, key.id, due_time);
}

constexpr char kInsertSkips[] =
    "INSERT INTO channels.broadcast_skips AS s "
    "(account_id, broadcast_id, page, contact_ids, reasons, create_time) "
    "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (account_id, broadcast_id, page) DO UPDATE SET "
    "contact_ids = s.contact_ids || excluded.contact_ids, reasons = s.reasons || excluded.reasons";
absl::Status InsertSkips(storage::Transaction& tx, const Turn& turn, const Page& page,
                         absl::Time now) {
  if (page.skipped_contacts.empty()) return absl::OkStatus();
  return tx.Run(kInsertSkips, turn.key.account_id, turn.key.id, page.after.page,
                page.skipped_contacts, page.skipped_reasons, now);
}

constexpr char kStorePage[] =
    "UPDATE channels.expansions SET page = $4, cursor = $5, complete = $6, stored = $7, "
    "resolved = $8, skipped = $9, source_token = $10, sims = $11, "
    "lease_expire_time = now() + interval '10 s' "
    "WHERE account_id = $1 AND broadcast_id = $2 AND lease_epoch = $3 AND page = $4 - 1";
absl::Status StorePage(storage::Transaction& tx, const Turn& turn, const Page& page,
                       absl::Time now) {
  const Expansion& after = page.after;
  const std::string stored = Serialize(after);
  MO_RETURN_IF_ERROR(
      Fenced(tx.Query(kStorePage, turn.key.account_id, turn.key.id, turn.epoch, after.page,
                      after.cursor, after.complete, OrNull(after, stored), after.resolved,
                      after.skipped, after.source_token, after.sims)));
  return InsertSkips(tx, turn, page, now);
}

constexpr char kShrinkPage[] =
    "UPDATE channels.expansions SET stored = $5, skipped = $6 "
    "WHERE account_id = $1 AND broadcast_id = $2 AND lease_epoch = $3 AND page = $4";
absl::Status ShrinkPage(storage::Transaction& tx, const Turn& turn, const Page& page,
                        absl::Time now) {
  const std::string stored = Serialize(page.after);
  MO_RETURN_IF_ERROR(
      Fenced(tx.Query(kShrinkPage, turn.key.account_id, turn.key.id, turn.epoch, page.after.page,
                      OrNull(page.after, stored), page.after.skipped)));
  return InsertSkips(tx, turn, page, now);
}

constexpr char kEndTurn[] =
    "UPDATE channels.expansions SET stored = NULL, open = $4, turn = CASE WHEN $5 THEN turn END, "
    "lease_expire_time = '-infinity' "
    "WHERE account_id = $1 AND broadcast_id = $2 AND lease_epoch = $3";
absl::Status EndTurn(storage::Transaction& tx, const Turn& turn, bool open, bool begun) {
  return Fenced(tx.Query(kEndTurn, turn.key.account_id, turn.key.id, turn.epoch, open, begun));
}

constexpr char kPostponeTurn[] =
    "UPDATE channels.expansions SET turn = NULL, due_time = greatest(due_time, $4), "
    "lease_expire_time = '-infinity' "
    "WHERE account_id = $1 AND broadcast_id = $2 AND lease_epoch = $3";
absl::Status PostponeTurn(storage::Transaction& tx, const Turn& turn, absl::Time due_time) {
  return tx.Run(kPostponeTurn, turn.key.account_id, turn.key.id, turn.epoch, due_time);
}

constexpr char kSelectSkips[] =
    "SELECT page, contact_ids, reasons::bigint[], create_time FROM channels.broadcast_skips "
    "WHERE account_id = $1 AND broadcast_id = $2 AND page >= $3 ORDER BY page LIMIT 1";
absl::StatusOr<std::vector<Skip>> SelectSkips(storage::Transaction& tx, BroadcastKey key,
                                              int64_t page, int64_t index, size_t limit) {
  std::vector<Skip> skips;
  while (skips.size() < limit) {
    MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectSkips, key.account_id, key.id, page));
    if (rows.empty()) break;
    const auto contacts = rows[0].Get<std::vector<int64_t>>(1);
    const auto reasons = rows[0].Get<std::vector<int64_t>>(2);
    if (rows[0].Int(0) != page) index = 0;
    for (auto i = static_cast<size_t>(index); i < contacts.size() && skips.size() < limit; ++i) {
      skips.push_back({rows[0].Int(0), static_cast<int64_t>(i), contacts[i],
                       static_cast<common::DeliveryReason>(reasons[i]), rows[0].Time(3)});
    }
    page = rows[0].Int(0) + 1;
    index = 0;
  }
  return skips;
}

}  // namespace mo::channels
