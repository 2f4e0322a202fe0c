#include "services/sims/pool_store.h"

#include "libs/runtime/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "services/sims/errors.h"
#include "services/sims/quality.h"
#include "services/sims/sim_limits.h"
#include "services/sims/template_store.h"

namespace mo::sims {
namespace {

// Columns in the order that FromRow reads; a lease that has not expired means online.
#define SIM_COLUMNS                                                                    \
  "s.id, s.network, s.address, s.display_name, s.capacity, s.occupancy, s.state, "     \
  "s.messages_per_second, s.create_time, "                                             \
  "s.version, l.expire_time, d.settings, s.state_code, s.state_detail, s.state_time, " \
  "s.network_rating, j.score, j.accepted, j.failed, j.blocked, " SIM_LIMIT_COLUMNS
#define SIM_TABLES                                                                          \
  "sims.sims s LEFT JOIN sims.leases l ON l.account_id = s.account_id AND l.sim_id = s.id " \
  "LEFT JOIN sims.drivers d ON d.account_id = s.account_id AND d.sim_id = s.id "            \
  "LEFT JOIN sims.judgements j ON j.account_id = s.account_id AND j.sim_id = s.id"

// The columns from state_code on.
void ReadHealth(const storage::Row& row, absl::Time now, v1::Sim& sim) {
  if (const std::string code = row.String(12); !code.empty()) {
    sim.mutable_state_reason()->set_code(code);
    sim.mutable_state_reason()->set_detail(row.String(13));
    *sim.mutable_state_reason()->mutable_time() = ToProto(row.Time(14));
  }
  const SimLimits limits = ReadSimLimits(row, 20);
  v1::SimQuality& quality = *sim.mutable_quality();
  quality.set_network_rating(row.String(15));
  quality.set_score(row.IsNull(16) ? 1 : row.Get<double>(16));
  quality.set_accepted(row.Int(17));
  quality.set_failed(row.Int(18));
  quality.set_blocked(row.Int(19));
  quality.set_speed(limits.speed);
  if (limits.warm_up.first_day > 0) *sim.mutable_warm_up() = ShowWarmUp(limits.warm_up, now);
}

v1::Sim FromRow(const storage::Row& row, absl::Time now) {
  v1::Sim sim;
  sim.set_id(FormatId("sim", row.Int(0)));
  sim.set_network(static_cast<common::Network>(row.Int(1)));
  sim.set_address(row.String(2));
  sim.set_display_name(row.String(3));
  sim.set_capacity(row.Int(4));
  sim.set_occupancy(row.Int(5));
  sim.set_state(static_cast<v1::SimState>(row.Int(6)));
  sim.set_messages_per_second(static_cast<int32_t>(row.Int(7)));
  *sim.mutable_create_time() = ToProto(row.Time(8));
  sim.set_etag(absl::StrCat(row.Int(9)));
  sim.set_online(row.Time(10) > now);
  if (!row.IsNull(11)) sim.mutable_driver()->ParseFromString(row.String(11));
  ReadHealth(row, now, sim);
  return sim;
}

}  // namespace

constexpr char kInsertSim[] =
    "INSERT INTO sims.sims (account_id, id, network, address, display_name, capacity, state, "
    "messages_per_second, create_time, state_code, state_time, warm_up_recipients, warm_up_growth, "
    "warm_up_days, warm_up_start) VALUES ($1, $2, $3::int, $4, $5, $6, $7::int, $8, $9, $10, $9, "
    "$11, $12, $13, $14)";
absl::Status InsertSim(storage::Transaction& tx, int64_t id, const v1::Sim& sim) {
  const WarmUp warm_up = ReadWarmUp(sim.warm_up());
  return tx.Run(kInsertSim, tx.account_id(), id, static_cast<int32_t>(sim.network()), sim.address(),
                sim.display_name(), sim.capacity(), static_cast<int32_t>(sim.state()),
                sim.messages_per_second(), FromProto(sim.create_time()), sim.state_reason().code(),
                warm_up.first_day, warm_up.growth_percent, warm_up.days, warm_up.start);
}

constexpr char kSelectSim[] =
    "SELECT " SIM_COLUMNS " FROM " SIM_TABLES " WHERE s.account_id = $1 AND s.id = $2";
constexpr char kLockSim[] = "SELECT " SIM_COLUMNS " FROM " SIM_TABLES
                            " WHERE s.account_id = $1 AND s.id = $2 FOR NO KEY UPDATE OF s";
absl::StatusOr<v1::Sim> SelectSim(storage::Transaction& tx, int64_t id, absl::Time now, bool lock) {
  MO_ASSIGN_OR_RETURN(storage::Result rows,
                      tx.Query(lock ? kLockSim : kSelectSim, tx.account_id(), id));
  if (rows.empty()) return SimNotFound();
  return FromRow(rows[0], now);
}

absl::StatusOr<v1::Sim> SelectSimOf(storage::Transaction& tx, int64_t account_id, int64_t id,
                                    absl::Time now) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectSim, account_id, id));
  if (rows.empty()) return SimNotFound();
  return FromRow(rows[0], now);
}

constexpr char kSelectSims[] = "SELECT " SIM_COLUMNS " FROM " SIM_TABLES
                               " WHERE s.account_id = $1 AND s.id < $2 AND ($3 = 0 OR s.network = "
                               "$3) ORDER BY s.id DESC LIMIT $4";
absl::StatusOr<std::vector<v1::Sim>> SelectSims(storage::Transaction& tx, int64_t before,
                                                int32_t limit, common::Network network,
                                                absl::Time now) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectSims, tx.account_id(), before,
                                                     static_cast<int32_t>(network), limit));
  std::vector<v1::Sim> sims;
  for (const storage::Row row : rows) sims.push_back(FromRow(row, now));
  return sims;
}

constexpr char kUpdateSim[] =
    "UPDATE sims.sims SET display_name = $3, capacity = $4, messages_per_second = $5, "
    "warm_up_recipients = $6, warm_up_growth = $7, warm_up_days = $8, warm_up_start = $9, "
    "version = version + 1 WHERE account_id = $1 AND id = $2";
void UpdateSim(storage::Transaction& tx, int64_t id, const v1::Sim& sim) {
  const WarmUp warm_up = ReadWarmUp(sim.warm_up());
  tx.Defer(kUpdateSim, tx.account_id(), id, sim.display_name(), sim.capacity(),
           sim.messages_per_second(), warm_up.first_day, warm_up.growth_percent, warm_up.days,
           warm_up.start);
}

constexpr char kDeleteSim[] =
    "DELETE FROM sims.sims WHERE account_id = $1 AND id = $2 AND occupancy = 0";
constexpr char kDeleteSimsDriver[] =
    "DELETE FROM sims.drivers WHERE account_id = $1 AND sim_id = $2";
absl::StatusOr<bool> DeleteSim(storage::Transaction& tx, int64_t id) {
  MO_ASSIGN_OR_RETURN(storage::Result deleted, tx.Query(kDeleteSim, tx.account_id(), id));
  if (deleted.affected() != 1) return false;
  tx.Defer(kDeleteSimsDriver, tx.account_id(), id);
  DeleteTemplates(tx, id);
  DeleteQuality(tx, id);
  return true;
}

constexpr char kUpdateToken[] =
    "UPDATE sims.sims SET token_hash = $3 WHERE account_id = $1 AND id = $2";
absl::Status UpdateToken(storage::Transaction& tx, int64_t id, absl::string_view hash) {
  MO_ASSIGN_OR_RETURN(storage::Result updated,
                      tx.Query(kUpdateToken, tx.account_id(), id, storage::Bytes{hash}));
  return updated.affected() == 0 ? SimNotFound() : absl::OkStatus();
}

constexpr char kSelectOccupancy[] =
    "SELECT network, count(*), sum(capacity)::bigint, sum(occupancy)::bigint FROM sims.sims WHERE "
    "account_id = $1 "
    "GROUP BY network ORDER BY network";
absl::StatusOr<v1::GetOccupancyResponse> SelectOccupancy(storage::Transaction& tx) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectOccupancy, tx.account_id()));
  v1::GetOccupancyResponse response;
  for (const storage::Row row : rows) {
    auto* network = response.add_networks();
    network->set_network(static_cast<common::Network>(row.Int(0)));
    network->set_sims(row.Int(1));
    network->set_capacity(row.Int(2));
    network->set_occupancy(row.Int(3));
    response.set_capacity(response.capacity() + row.Int(2));
    response.set_occupancy(response.occupancy() + row.Int(3));
  }
  return response;
}

constexpr char kSelectGroups[] =
    "SELECT group_id, display_name, join_time FROM sims.groups WHERE account_id = $1 AND sim_id = "
    "$2 AND group_id > $3 "
    "ORDER BY group_id LIMIT $4";
absl::StatusOr<std::vector<v1::Group>> SelectGroups(storage::Transaction& tx, int64_t sim_id,
                                                    const std::string& after, int32_t limit) {
  MO_ASSIGN_OR_RETURN(storage::Result rows,
                      tx.Query(kSelectGroups, tx.account_id(), sim_id, after, limit));
  std::vector<v1::Group> groups;
  for (const storage::Row row : rows) {
    v1::Group group;
    group.set_id(row.String(0));
    group.set_display_name(row.String(1));
    *group.mutable_join_time() = ToProto(row.Time(2));
    groups.push_back(std::move(group));
  }
  return groups;
}

constexpr char kSelectTokenOwner[] = "SELECT account_id, id FROM sims.sims WHERE token_hash = $1";
absl::StatusOr<std::optional<TokenOwner>> SelectTokenOwner(storage::Transaction& tx,
                                                           absl::string_view hash) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectTokenOwner, storage::Bytes{hash}));
  if (rows.empty()) return std::nullopt;
  return TokenOwner{rows[0].Int(0), rows[0].Int(1)};
}

constexpr char kTakeLease[] =
    "INSERT INTO sims.leases (account_id, sim_id, epoch, expire_time) VALUES ($1, $2, 1, $3) "
    "ON CONFLICT (account_id, sim_id) DO UPDATE SET epoch = sims.leases.epoch + 1, expire_time = "
    "$3 RETURNING epoch";
storage::Pending TakeLease(storage::Transaction& tx, int64_t account_id, int64_t sim_id,
                           absl::Time expire_time) {
  return tx.Ask(kTakeLease, account_id, sim_id, expire_time);
}

constexpr char kRenewLeases[] =
    "UPDATE sims.leases l SET expire_time = mine.expire_time FROM unnest((SELECT $1::bigint[]), "
    "(SELECT $2::bigint[]), (SELECT $3::timestamptz[])) AS mine (sim_id, epoch, expire_time) "
    "WHERE l.sim_id = mine.sim_id AND l.epoch = mine.epoch RETURNING l.sim_id, (SELECT version "
    "FROM "
    "sims.sims WHERE account_id = l.account_id AND id = l.sim_id)";
absl::StatusOr<absl::flat_hash_map<int64_t, int64_t>> RenewLeases(
    storage::Transaction& tx, const std::vector<int64_t>& sim_ids,
    const std::vector<int64_t>& epochs, const std::vector<absl::Time>& expire_times) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kRenewLeases, sim_ids, epochs, expire_times));
  absl::flat_hash_map<int64_t, int64_t> renewed;
  for (const storage::Row row : rows) renewed[row.Int(0)] = row.Int(1);
  return renewed;
}

constexpr char kDropLease[] =
    "UPDATE sims.leases SET expire_time = 'epoch' WHERE account_id = $1 AND sim_id = $2 AND epoch "
    "= $3";
absl::StatusOr<bool> DropLease(storage::Transaction& tx, int64_t account_id, int64_t sim_id,
                               int64_t epoch) {
  MO_ASSIGN_OR_RETURN(storage::Result updated, tx.Query(kDropLease, account_id, sim_id, epoch));
  return updated.affected() == 1;
}

}  // namespace mo::sims
