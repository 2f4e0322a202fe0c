// The SIMs that this process drives.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/runtime/fair_executor.h"
#include "libs/storage/database.h"
#include "messageorganizer/sims/v1/device.grpc.pb.h"
#include "messageorganizer/sims/v1/dispatch.pb.h"
#include "messageorganizer/sims/v1/sims.pb.h"
#include "services/sims/dispatch_loader.h"

namespace mo::sims {

namespace v1 = messageorganizer::sims::v1;

class AgentSession;
class LedgerCommit;
class SimSession;

// Knows every session; wakes them when there is something to send; renews their leases.
class Gateway {
 public:
  Gateway(App& app, storage::Database& database, events::Outbox& outbox, LedgerCommit& ledger);
  ~Gateway();

  void Start();
  // Ends all sessions; their SIMs are offline at once. Idempotent.
  void Stop();

  // A new session for a stream; it registers itself when its agent has proved who it is.
  std::shared_ptr<AgentSession> NewSession(std::string token);
  // Makes it the SIM's session of this process; an older one is ended.
  void Register(int64_t sim_id, const std::shared_ptr<SimSession>& session);
  void Unregister(int64_t sim_id, const SimSession* session);
  // How many there are.
  size_t size();

  // New dispatches of a SIM's lane are durable.
  void Wake(int64_t sim_id, v1::Lane lane);
  // The same of any lane.
  void Wake(int64_t sim_id);
  // A SIM's state or rate has changed.
  void Reconfigure(int64_t sim_id);
  // Asks a SIM's agent to join a group and waits; AGENT_OFFLINE when it is not attached here.
  absl::StatusOr<v1::JoinOutcome> JoinGroup(int64_t sim_id, const std::string& invite_link,
                                            absl::Duration deadline);
  // Takes a SIM out of a group and waits; AGENT_OFFLINE when it is not attached here.
  absl::Status LeaveGroup(int64_t sim_id, const std::string& group_id, absl::Duration deadline);
  // The SIMs that this process drives.
  std::vector<int64_t> Driven();

  // Runs blocking work of an account's session (0: of one that is not known yet). False when
  // stopping.
  bool Post(int64_t account_id, std::function<void()> task) {
    return executor_.Post(account_id, std::move(task));
  }
  // The same for what broadcasts need: the others never wait for it.
  bool PostBulk(int64_t account_id, std::function<void()> task) {
    return bulk_executor_.Post(account_id, std::move(task));
  }
  App& app() { return app_; }
  storage::Database& database() { return database_; }
  events::Outbox& outbox() { return outbox_; }
  LedgerCommit& ledger() { return ledger_; }
  DispatchLoader& loader() { return loader_; }

 private:
  void Loop();
  void RenewLater();
  void RenewAll();
  std::vector<std::shared_ptr<SimSession>> Sessions();
  void DropLeases(const std::vector<std::shared_ptr<SimSession>>& sessions);
  std::shared_ptr<SimSession> Find(int64_t sim_id);

  App& app_;
  storage::Database& database_;
  events::Outbox& outbox_;
  LedgerCommit& ledger_;
  prometheus::Gauge& attached_;
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  bool dropped_ = false;
  std::atomic<bool> renewing_{false};
  std::map<int64_t, std::shared_ptr<SimSession>> sessions_;
  std::thread thread_;
  DispatchLoader loader_;
  FairExecutor executor_;
  FairExecutor bulk_executor_;
};

// How long an agent's lease lasts without renewal, and a stream without a frame.
inline constexpr absl::Duration kLeaseTime = absl::Seconds(45);
inline constexpr absl::Duration kHeartbeat = absl::Seconds(15);
// Agents come back by themselves when a process dies; a SIM with a provider is dark until its lease
// has ended. One that cannot be renewed in time is taken by another process, and the epoch keeps
// this one from writing: late, but never twice.
inline constexpr absl::Duration kProviderLeaseTime = absl::Seconds(15);
inline constexpr absl::Duration kRenewInterval = absl::Seconds(5);

}  // namespace mo::sims
