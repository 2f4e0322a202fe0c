#include "services/sims/gateway.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "services/sims/agent_session.h"
#include "services/sims/errors.h"
#include "services/sims/pool_store.h"
#include "services/sims/sim_states.h"

namespace mo::sims {
namespace {

constexpr std::chrono::milliseconds kTick(5);
// Another replica's Submit is noticed after this at the latest; this process's own wakes at once.
constexpr absl::Duration kPoll = absl::Milliseconds(500);
// How long sessions get to end what is under way when the process stops.
constexpr absl::Duration kDrainTime = absl::Seconds(5);
constexpr int kThreads = 4;
constexpr int kBulkThreads = 2;
constexpr size_t kQueue = 10000;

}  // namespace

Gateway::Gateway(App& app, storage::Database& database, events::Outbox& outbox,
                 LedgerCommit& ledger)
    : app_(app),
      database_(database),
      outbox_(outbox),
      ledger_(ledger),
      attached_(app.metrics().Gauge("mo_sims_agents_attached", "SIMs that this process drives")),
      loader_(*this),
      executor_(kThreads, kQueue, app.options().account_weights),
      bulk_executor_(kBulkThreads, kQueue, app.options().account_weights) {}

Gateway::~Gateway() { Stop(); }

void Gateway::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void Gateway::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  if (thread_.joinable()) thread_.join();
  // What has left comes back within a request's time; what does not is found doubtful later.
  const auto sessions = Sessions();
  const absl::Time patience = absl::Now() + kDrainTime;
  while (absl::Now() < patience &&
         std::count_if(sessions.begin(), sessions.end(),
                       [](const auto& session) { return !session->Drain(); }) > 0) {
    absl::SleepFor(absl::Milliseconds(5));
  }
  for (const auto& session : sessions)
    session->End(absl::UnavailableError("the gateway is stopping"));
  executor_.Stop();
  bulk_executor_.Stop();
  // Whoever goes on with these SIMs need not wait until their leases have run out.
  if (!std::exchange(dropped_, true)) DropLeases(sessions);
}

constexpr char kDropLeases[] =
    "UPDATE sims.leases l SET expire_time = 'epoch' FROM unnest((SELECT $1::bigint[]), (SELECT "
    "$2::bigint[]), (SELECT $3::bigint[])) AS w (account_id, sim_id, epoch) WHERE l.account_id = "
    "w.account_id AND l.sim_id = w.sim_id AND l.epoch = w.epoch";
void Gateway::DropLeases(const std::vector<std::shared_ptr<SimSession>>& sessions) {
  if (sessions.empty()) return;
  std::vector<int64_t> accounts, ids, epochs;
  for (const auto& session : sessions) {
    accounts.push_back(session->account_id());
    ids.push_back(session->sim_id());
    epochs.push_back(session->epoch());
  }
  const absl::Status dropped = database_.AsSystem([&](storage::Transaction& tx) -> absl::Status {
    return tx.Query(kDropLeases, accounts, ids, epochs).status();
  });
  if (!dropped.ok()) {
    Log(LogLevel::kWarning, "dropping the leases failed",
        {{"error", std::string(dropped.message())}});
  }
}

std::shared_ptr<AgentSession> Gateway::NewSession(std::string token) {
  return std::make_shared<AgentSession>(*this, std::move(token));
}

void Gateway::Register(int64_t sim_id, const std::shared_ptr<SimSession>& session) {
  std::shared_ptr<SimSession> older;
  {
    std::lock_guard lock(mutex_);
    older = std::exchange(sessions_[sim_id], session);
    attached_.Set(static_cast<double>(sessions_.size()));
    if (stopping_) older = session;
  }
  if (older) older->End(LeaseLost());
}

void Gateway::Unregister(int64_t sim_id, const SimSession* session) {
  {
    std::lock_guard lock(mutex_);
    const auto found = sessions_.find(sim_id);
    if (found == sessions_.end() || found->second.get() != session) return;
    sessions_.erase(found);
    attached_.Set(static_cast<double>(sessions_.size()));
  }
  // Offline at once, unless somebody else has attached meanwhile. When the executor stops, the
  // lease runs out instead.
  executor_.Post(0, [this, account_id = session->account_id(), sim_id, epoch = session->epoch()] {
    absl::Status status = database_.AsSystem([&](storage::Transaction& tx) -> absl::Status {
      MO_ASSIGN_OR_RETURN(const bool dropped, DropLease(tx, account_id, sim_id, epoch));
      if (!dropped) return absl::OkStatus();
      absl::StatusOr<v1::Sim> sim = SelectSimOf(tx, account_id, sim_id, app_.clock().Now());
      if (!sim.ok()) return absl::OkStatus();  // deleted meanwhile
      return TellOnline(tx, outbox_, account_id, sim_id, sim->state(), false);
    });
    if (!status.ok()) {
      Log(LogLevel::kWarning, "dropping a lease failed",
          {{"error", std::string(status.message())}});
    }
  });
}

std::shared_ptr<SimSession> Gateway::Find(int64_t sim_id) {
  std::lock_guard lock(mutex_);
  const auto found = sessions_.find(sim_id);
  return found == sessions_.end() ? nullptr : found->second;
}

size_t Gateway::size() {
  std::lock_guard lock(mutex_);
  return sessions_.size();
}

std::vector<std::shared_ptr<SimSession>> Gateway::Sessions() {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<SimSession>> sessions;
  for (const auto& [id, session] : sessions_) sessions.push_back(session);
  return sessions;
}

void Gateway::Wake(int64_t sim_id, v1::Lane lane) {
  if (auto session = Find(sim_id)) session->Wake(lane);
}

void Gateway::Wake(int64_t sim_id) {
  if (auto session = Find(sim_id)) session->Wake();
}

void Gateway::Reconfigure(int64_t sim_id) {
  if (auto session = Find(sim_id)) session->Reconfigure();
}

absl::StatusOr<v1::JoinOutcome> Gateway::JoinGroup(int64_t sim_id, const std::string& invite_link,
                                                   absl::Duration deadline) {
  auto session = Find(sim_id);
  if (!session) return AgentOffline();
  return session->JoinGroup(invite_link, deadline);
}

absl::Status Gateway::LeaveGroup(int64_t sim_id, const std::string& group_id,
                                 absl::Duration deadline) {
  auto session = Find(sim_id);
  if (!session) return AgentOffline();
  return session->LeaveGroup(group_id, deadline);
}

std::vector<int64_t> Gateway::Driven() {
  std::lock_guard lock(mutex_);
  std::vector<int64_t> ids;
  for (const auto& [id, session] : sessions_) ids.push_back(id);
  return ids;
}

// Which of the SIMs have something open that runs or is canceled: one look into the index each.
constexpr char kSelectHungry[] =
    "SELECT w.sim_id FROM unnest((SELECT $1::bigint[]), (SELECT $2::bigint[])) AS w (account_id, "
    "sim_id) CROSS JOIN "
    "LATERAL "
    "(SELECT 1 FROM sims.dispatch_states s WHERE s.account_id = w.account_id AND s.sim_id = "
    "w.sim_id AND s.open "
    "AND (s.control = 1 AND (s.hold_until IS NULL OR s.hold_until <= $3) OR s.control = 3) LIMIT "
    "1) AS any_open";

// One at a time: a slow database gets no queue of them.
void Gateway::RenewLater() {
  if (renewing_.exchange(true)) return;
  const bool posted = executor_.Post(0, [this] {
    RenewAll();
    renewing_ = false;
  });
  if (!posted) renewing_ = false;
}

void Gateway::RenewAll() {
  std::vector<int64_t> ids, epochs;
  std::vector<absl::Time> times;
  const auto sessions = Sessions();
  const absl::Time now = app_.clock().Now();
  for (const auto& session : sessions) {
    ids.push_back(session->sim_id());
    epochs.push_back(session->epoch());
    times.push_back(now + session->lease_time());
  }
  if (ids.empty()) return;
  const auto renewed = database_.AsSystem(
      [&](storage::Transaction& tx) { return RenewLeases(tx, ids, epochs, times); });
  // One that could not be renewed stays ours until another takes it; then every commit fails.
  if (!renewed.ok()) {
    return Log(LogLevel::kWarning, "renewing leases failed",
               {{"error", std::string(renewed.status().message())}});
  }
  for (const auto& session : sessions) {
    const auto held = renewed->find(session->sim_id());
    if (held == renewed->end()) {
      session->End(LeaseLost());
    } else {
      session->Seen(held->second);
    }
  }
}

void Gateway::Loop() {
  absl::Time renew = app_.clock().Now() + kRenewInterval;
  absl::Time poll = app_.clock().Now() + kPoll;
  std::atomic<bool> polling{false};
  std::unique_lock lock(mutex_);
  while (!stop_.wait_for(lock, kTick, [this] { return stopping_; })) {
    lock.unlock();
    const absl::Time now = app_.clock().Now();
    const auto sessions = Sessions();
    for (const auto& session : sessions) session->Tick(now);
    if (now >= renew && !renewing_) {
      renew = now + kRenewInterval;
      RenewLater();
    }
    if (now >= poll && !polling) {
      poll = now + kPoll;
      std::vector<int64_t> accounts, ids;
      for (const auto& session : sessions) {
        if (!session->Hungry()) continue;
        accounts.push_back(session->account_id());
        ids.push_back(session->sim_id());
      }
      if (!ids.empty()) {
        polling = true;
        const bool posted = executor_.Post(0, [this, accounts, ids, now, &polling] {
          absl::StatusOr<std::vector<int64_t>> hungry = database_.ReadAsSystem(
              [&](storage::Transaction& tx) -> absl::StatusOr<std::vector<int64_t>> {
                MO_ASSIGN_OR_RETURN(storage::Result rows,
                                    tx.Query(kSelectHungry, accounts, ids, now));
                std::vector<int64_t> found;
                for (const storage::Row row : rows) found.push_back(row.Int(0));
                return found;
              });
          if (hungry.ok()) {
            for (int64_t id : *hungry) Wake(id);
          }
          polling = false;
        });
        if (!posted) polling = false;
      }
    }
    lock.lock();
  }
  lock.unlock();
  while (polling) std::this_thread::yield();  // the task refers to this frame
}

}  // namespace mo::sims
