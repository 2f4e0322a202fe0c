#include "services/sims/provider_leases.h"

#include <algorithm>

#include "libs/runtime/ids.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "services/sims/errors.h"
#include "services/sims/pool_store.h"
#include "services/sims/sim_states.h"

namespace mo::sims {
namespace {

constexpr int kBatch = 64;
// How soon another process' change of a driver is noticed.
constexpr absl::Duration kCheckInterval = absl::Seconds(2);
// What is under way with the old driver gets so long.
constexpr absl::Duration kLeaveTime = absl::Seconds(35);

// Only leases that have run out, and of these only those that no other process takes at this
// moment. The clock is ours: leases are long compared with clocks' differences. What a process that
// died has driven goes on after kProviderLeaseTime.
constexpr char kTakeFree[] =
    "WITH free AS (SELECT d.account_id, d.sim_id, d.xmin::text AS version FROM sims.drivers d "
    "LEFT JOIN sims.leases l ON l.account_id = d.account_id AND l.sim_id = d.sim_id "
    "WHERE l.expire_time IS NULL OR l.expire_time < $1 ORDER BY random() LIMIT $2), "
    "taken AS (INSERT INTO sims.leases AS l (account_id, sim_id, epoch, expire_time) "
    "SELECT account_id, sim_id, 1, $3 FROM free ON CONFLICT (account_id, sim_id) DO UPDATE SET "
    "epoch = l.epoch + 1, expire_time = $3 WHERE l.expire_time < $1 "
    "RETURNING l.account_id, l.sim_id, l.epoch) "
    "SELECT t.account_id, t.sim_id, t.epoch, f.version, s.state, " SIM_LIMIT_COLUMNS
    " "
    "FROM taken t JOIN free f USING (account_id, sim_id) JOIN sims.sims s ON s.account_id = "
    "t.account_id AND s.id = t.sim_id";
constexpr char kSelectVersions[] =
    "SELECT sim_id, xmin::text FROM sims.drivers WHERE sim_id = ANY ((SELECT "
    "$1::bigint[])::bigint[])";

}  // namespace

absl::StatusOr<bool> ProviderLeases::RunOnce() {
  const absl::Time now = gateway_.app().clock().Now();
  EndLeaving(now);
  std::erase_if(held_, [](const auto& entry) { return entry.second.session.expired(); });
  if (now - check_time_ >= kCheckInterval) {
    check_time_ = now;
    MO_RETURN_IF_ERROR(EndChanged(now));
  }
  const int room = std::min(kBatch, most_ - static_cast<int>(held_.size()));
  if (room <= 0) return false;
  std::vector<std::pair<ProviderLease, std::string>> taken;
  MO_RETURN_IF_ERROR(gateway_.database().AsSystem([&](storage::Transaction& tx) -> absl::Status {
    taken.clear();
    MO_ASSIGN_OR_RETURN(storage::Result rows,
                        tx.Query(kTakeFree, now, room, now + kProviderLeaseTime));
    for (const storage::Row row : rows) {
      ProviderLease lease;
      lease.account_id = row.Int(0);
      lease.sim_id = row.Int(1);
      lease.epoch = row.Int(2);
      const auto state = static_cast<v1::SimState>(row.Int(4));
      lease.running = Sends(state);
      lease.limits = ReadSimLimits(row, 5);
      MO_RETURN_IF_ERROR(
          TellOnline(tx, gateway_.outbox(), lease.account_id, lease.sim_id, state, true));
      taken.emplace_back(std::move(lease), row.String(3));
    }
    return absl::OkStatus();
  }));
  for (auto& [lease, version] : taken) {
    const int64_t sim_id = lease.sim_id;
    const absl::Status status = Begin(std::move(lease), std::move(version));
    // Its lease runs out, and is tried again then.
    if (!status.ok()) {
      Log(LogLevel::kError, "a SIM's driver cannot be used",
          {{"sim", FormatId("sim", sim_id)}, {"error", std::string(status.message())}});
    }
  }
  return static_cast<int>(taken.size()) == room;
}

absl::Status ProviderLeases::Begin(ProviderLease lease, std::string version) {
  MO_ASSIGN_OR_RETURN(std::shared_ptr<const SimDriver> sim, drivers_.Find(lease.sim_id));
  if (sim == nullptr) return absl::NotFoundError("it has none any more");
  MO_RETURN_IF_ERROR(sim->driver->CheckSettings());
  const int64_t sim_id = lease.sim_id;
  lease.driver = std::move(sim);
  const auto session = std::make_shared<ProviderSession>(gateway_, deps_, std::move(lease));
  held_[sim_id] = {session, std::move(version)};
  session->Begin();
  return absl::OkStatus();
}

absl::Status ProviderLeases::EndChanged(absl::Time now) {
  if (held_.empty()) return absl::OkStatus();
  std::vector<int64_t> ids;
  for (const auto& [id, held] : held_) ids.push_back(id);
  std::map<int64_t, std::string> versions;
  MO_RETURN_IF_ERROR(
      gateway_.database().ReadAsSystem([&](storage::Transaction& tx) -> absl::Status {
        versions.clear();
        MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectVersions, ids));
        for (const storage::Row row : rows) versions[row.Int(0)] = row.String(1);
        return absl::OkStatus();
      }));
  bool changed = false;
  for (auto& [id, held] : held_) {
    const auto found = versions.find(id);
    if (found != versions.end() && found->second == held.version) continue;
    if (auto session = held.session.lock()) {
      session->Drain();
      leaving_.push_back({std::move(session), now + kLeaveTime});
    }
    held.session.reset();
    changed = true;
  }
  if (changed) drivers_.Forget();
  return absl::OkStatus();
}

void ProviderLeases::EndLeaving(absl::Time now) {
  std::erase_if(leaving_, [&](const Leaving& leaving) {
    if (!leaving.session->Drain() && now < leaving.deadline) return false;
    leaving.session->End(absl::AbortedError("its driver was changed"));
    return true;
  });
}

}  // namespace mo::sims
