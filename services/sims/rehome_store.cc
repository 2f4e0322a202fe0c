#include "services/sims/rehome_store.h"

#include <map>

#include "libs/runtime/status.h"

namespace mo::sims {

constexpr char kBeginRehoming[] =
    "INSERT INTO sims.rehomings (account_id, sim_id, since, next_time) VALUES ($1, $2, $3, $3) ON "
    "CONFLICT (account_id, sim_id) DO UPDATE SET next_time = $3";
void BeginRehoming(storage::Transaction& tx, const SimKey& sim, absl::Time now) {
  tx.Defer(kBeginRehoming, sim.account_id, sim.sim_id, now);
}

// Networks on which any SIM can write to a contact.
#define MOVABLE_NETWORKS "(1, 4)"
constexpr char kBeginBlocked[] =
    "INSERT INTO sims.rehomings (account_id, sim_id, since, next_time) SELECT s.account_id, s.id, "
    "$1, $1 FROM sims.sims s JOIN sims.pool_settings p ON p.account_id = s.account_id WHERE "
    "s.state "
    "= 4 AND s.network IN " MOVABLE_NETWORKS
    " AND s.occupancy > 0 AND p.rehome_blocked ON CONFLICT DO NOTHING";
static_assert(common::NETWORK_WHATSAPP == 1 && common::NETWORK_SMS == 4 &&
              v1::SIM_STATE_BLOCKED == 4 && v1::SIM_STATE_ACTIVE == 1);
absl::Status BeginBlocked(storage::Transaction& tx, absl::Time now) {
  return tx.Run(kBeginBlocked, now);
}

namespace {

absl::StatusOr<std::vector<SimKey>> SimKeys(const absl::StatusOr<storage::Result>& rows) {
  if (!rows.ok()) return rows.status();
  std::vector<SimKey> keys;
  for (const storage::Row row : *rows) keys.push_back({row.Int(0), row.Int(1)});
  return keys;
}

}  // namespace

constexpr char kSelectDueRehomings[] =
    "SELECT account_id, sim_id FROM sims.rehomings WHERE next_time <= $1 ORDER BY next_time LIMIT "
    "$2";
absl::StatusOr<std::vector<SimKey>> SelectDueRehomings(storage::Transaction& tx, absl::Time now,
                                                       int32_t limit) {
  return SimKeys(tx.Query(kSelectDueRehomings, now, limit));
}

constexpr char kLockRehoming[] =
    "SELECT moved FROM sims.rehomings WHERE account_id = $1 AND sim_id = $2 AND next_time <= $3 "
    "FOR "
    "UPDATE SKIP LOCKED";
absl::StatusOr<std::optional<int64_t>> LockRehoming(storage::Transaction& tx, const SimKey& sim,
                                                    absl::Time now) {
  MO_ASSIGN_OR_RETURN(storage::Result rows,
                      tx.Query(kLockRehoming, sim.account_id, sim.sim_id, now));
  if (rows.empty()) return std::nullopt;
  return rows[0].Int(0);
}

constexpr char kContinueRehoming[] =
    "UPDATE sims.rehomings SET moved = moved + $3, next_time = $4 WHERE account_id = $1 AND sim_id "
    "= "
    "$2";
void ContinueRehoming(storage::Transaction& tx, const SimKey& sim, int64_t moved,
                      absl::Time next_time) {
  tx.Defer(kContinueRehoming, sim.account_id, sim.sim_id, moved, next_time);
}

constexpr char kEndRehoming[] = "DELETE FROM sims.rehomings WHERE account_id = $1 AND sim_id = $2";
void EndRehoming(storage::Transaction& tx, const SimKey& sim) {
  tx.Defer(kEndRehoming, sim.account_id, sim.sim_id);
}

constexpr char kLockHomes[] =
    "SELECT id, state, network, address, display_name, capacity, occupancy, create_time FROM "
    "sims.sims WHERE account_id = $1 AND (id = $2 OR state = 1 AND occupancy < capacity AND "
    "network "
    "= (SELECT network FROM sims.sims WHERE account_id = $1 AND id = $2)) ORDER BY id FOR NO KEY "
    "UPDATE";
absl::StatusOr<std::vector<Home>> LockHomes(storage::Transaction& tx, const SimKey& sim) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kLockHomes, sim.account_id, sim.sim_id));
  std::vector<Home> homes;
  for (const storage::Row row : rows) {
    homes.push_back({row.Int(0), static_cast<v1::SimState>(row.Int(1)),
                     static_cast<common::Network>(row.Int(2)), row.String(3), row.String(4),
                     row.Int(5), row.Int(6), row.Time(7)});
  }
  return homes;
}

constexpr char kLockContacts[] =
    "SELECT contact_id FROM sims.allocations WHERE account_id = $1 AND sim_id = $2 ORDER BY "
    "contact_id LIMIT $3 FOR UPDATE";
absl::StatusOr<std::vector<int64_t>> LockContacts(storage::Transaction& tx, const SimKey& sim,
                                                  int32_t limit) {
  MO_ASSIGN_OR_RETURN(storage::Result rows,
                      tx.Query(kLockContacts, sim.account_id, sim.sim_id, limit));
  std::vector<int64_t> contacts;
  for (const storage::Row row : rows) contacts.push_back(row.Int(0));
  return contacts;
}

constexpr char kMoveAllocations[] =
    "UPDATE sims.allocations a SET sim_id = n.sim_id FROM unnest((SELECT $2::bigint[]), (SELECT "
    "$3::bigint[])) AS n (contact_id, sim_id) WHERE a.account_id = $1 AND a.contact_id = "
    "n.contact_id";
constexpr char kAddOccupancy[] =
    "UPDATE sims.sims s SET occupancy = s.occupancy + n.change FROM unnest((SELECT $2::bigint[]), "
    "(SELECT $3::bigint[])) AS n (sim_id, change) WHERE s.account_id = $1 AND s.id = n.sim_id";
void MoveContacts(storage::Transaction& tx, const SimKey& from,
                  const std::vector<int64_t>& contacts, const std::vector<int64_t>& sims) {
  std::map<int64_t, int64_t> changes{{from.sim_id, -static_cast<int64_t>(sims.size())}};
  for (const int64_t sim : sims) ++changes[sim];
  std::vector<int64_t> ids, by;
  for (const auto& [id, change] : changes) {
    ids.push_back(id);
    by.push_back(change);
  }
  tx.Defer(kMoveAllocations, from.account_id, contacts, sims);
  tx.Defer(kAddOccupancy, from.account_id, ids, by);
}

constexpr char kNoteDeleted[] =
    "INSERT INTO sims.deleted_sims (account_id, sim_id, delete_time) VALUES ($1, $2, $3) ON "
    "CONFLICT "
    "DO NOTHING";
// Whoever drives it, in whatever process, can write nothing more.
constexpr char kFenceDeleted[] =
    "UPDATE sims.leases SET epoch = epoch + 1, expire_time = 'epoch' WHERE account_id = $1 AND "
    "sim_id = $2";
void NoteDeleted(storage::Transaction& tx, const SimKey& sim, absl::Time now) {
  tx.Defer(kFenceDeleted, sim.account_id, sim.sim_id);
  tx.Defer(kNoteDeleted, sim.account_id, sim.sim_id, now);
  EndRehoming(tx, sim);
}

constexpr char kSelectDeleted[] =
    "SELECT account_id, sim_id FROM sims.deleted_sims ORDER BY delete_time LIMIT 100";
absl::StatusOr<std::vector<SimKey>> SelectDeleted(storage::Transaction& tx) {
  return SimKeys(tx.Query(kSelectDeleted));
}

constexpr char kLockLeft[] =
    "SELECT s.id, s.sim_id, s.lane, d.key, s.status, d.group_key FROM sims.dispatch_states s JOIN "
    "sims.dispatches d ON d.account_id = s.account_id AND d.id = s.id WHERE s.account_id = $1 AND "
    "s.sim_id = $2 AND s.open ORDER BY s.id LIMIT $3 FOR UPDATE OF s";
absl::StatusOr<std::vector<LeftDispatch>> LockLeft(storage::Transaction& tx, const SimKey& sim,
                                                   int32_t limit) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kLockLeft, sim.account_id, sim.sim_id, limit));
  std::vector<LeftDispatch> left;
  for (const storage::Row row : rows) {
    left.push_back(
        {{row.Int(0), row.Int(1), static_cast<v1::Lane>(row.Int(2)), row.String(3), row.String(4)},
         row.String(5)});
  }
  return left;
}

constexpr char kForgetDeleted[] =
    "DELETE FROM sims.deleted_sims WHERE account_id = $1 AND sim_id = $2 AND delete_time < $3";
void ForgetDeleted(storage::Transaction& tx, const SimKey& sim, absl::Time before) {
  tx.Defer(kForgetDeleted, sim.account_id, sim.sim_id, before);
}

}  // namespace mo::sims
