#include "services/sims/occupancy.h"

#include <vector>

#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "messageorganizer/sims/v1/events.pb.h"

namespace mo::sims {
namespace {

namespace v1 = messageorganizer::sims::v1;

constexpr int32_t kBatch = 500;

// One process at a time: two would tell of the same difference.
constexpr char kLock[] = "SELECT pg_try_advisory_xact_lock(hashtextextended('sims/occupancy', 0))";

constexpr char kSelectChanged[] =
    "SELECT s.account_id, s.id, s.network, s.occupancy, s.capacity, coalesce(r.occupancy, 0), "
    "coalesce(r.capacity, 0) FROM sims.sims s LEFT JOIN sims.occupancy_reports r ON r.account_id = "
    "s.account_id AND r.sim_id = s.id WHERE (s.occupancy, s.capacity) IS DISTINCT FROM "
    "(r.occupancy, r.capacity) UNION ALL SELECT r.account_id, r.sim_id, r.network, 0, 0, "
    "r.occupancy, r.capacity FROM sims.occupancy_reports r WHERE NOT EXISTS (SELECT 1 FROM "
    "sims.sims s WHERE s.account_id = r.account_id AND s.id = r.sim_id) LIMIT $1";
constexpr char kKeepReports[] =
    "INSERT INTO sims.occupancy_reports AS r (account_id, sim_id, network, occupancy, capacity) "
    "SELECT * FROM unnest((SELECT $1::bigint[]), (SELECT $2::bigint[]), (SELECT $3::smallint[]), "
    "(SELECT $4::bigint[]), (SELECT $5::bigint[])) ON CONFLICT (account_id, sim_id) DO UPDATE SET "
    "occupancy = excluded.occupancy, capacity = excluded.capacity";
constexpr char kForgetDeleted[] =
    "DELETE FROM sims.occupancy_reports r WHERE occupancy = 0 AND capacity = 0 AND NOT EXISTS "
    "(SELECT 1 FROM sims.sims s WHERE s.account_id = r.account_id AND s.id = r.sim_id)";

}  // namespace

absl::StatusOr<bool> Occupancy::RunOnce() {
  return database_.AsSystem([&](storage::Transaction& tx) -> absl::StatusOr<bool> {
    MO_ASSIGN_OR_RETURN(storage::Result lock, tx.Query(kLock));
    if (!lock[0].Bool(0)) return false;
    MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectChanged, kBatch));
    std::vector<int64_t> accounts, sims, occupancies, capacities;
    std::vector<int16_t> networks;
    for (const storage::Row row : rows) {
      accounts.push_back(row.Int(0));
      sims.push_back(row.Int(1));
      networks.push_back(static_cast<int16_t>(row.Int(2)));
      occupancies.push_back(row.Int(3));
      capacities.push_back(row.Int(4));
      v1::OccupancyChanged event;
      event.set_sim_id(FormatId("sim", sims.back()));
      event.set_network(static_cast<messageorganizer::common::v1::Network>(networks.back()));
      event.set_occupancy(occupancies.back());
      event.set_capacity(capacities.back());
      event.set_occupancy_change(occupancies.back() - row.Int(5));
      event.set_capacity_change(capacities.back() - row.Int(6));
      MO_RETURN_IF_ERROR(outbox_.Append(tx, accounts.back(), event.sim_id(), event));
    }
    if (accounts.empty()) return false;
    tx.Defer(kKeepReports, accounts, sims, networks, occupancies, capacities);
    tx.Defer(kForgetDeleted);
    return rows.size() == kBatch;
  });
}

}  // namespace mo::sims
