// One SIM's sending in this process, whatever the messages leave by.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "absl/status/statusor.h"
#include "services/sims/gateway.h"
#include "services/sims/ledger_commit.h"
#include "services/sims/sender.h"
#include "services/sims/sim_limits.h"

namespace mo::sims {

// Finds what is to be sent: loads open dispatches, cuts windows, commits them under the lease's
// epoch, and only then hands them on. How they leave, and what comes back, is the derived class's.
class SimSession : public std::enable_shared_from_this<SimSession> {
 public:
  explicit SimSession(Gateway& gateway) : gateway_(gateway) {}
  virtual ~SimSession() = default;
  SimSession(const SimSession&) = delete;
  SimSession& operator=(const SimSession&) = delete;

  // Sends nothing any more. Idempotent.
  void End(const absl::Status& status);
  // The process stops: takes nothing new. Whether nothing is under way any more that is worth
  // waiting for.
  virtual bool Drain() { return true; }
  // New dispatches of a lane may be there.
  void Wake(v1::Lane lane);
  // Dispatches of any lane may be there.
  void Wake();
  // Reads the SIM's state and rate anew.
  void Reconfigure();
  // The SIM's row has this version: what another process has changed is read.
  void Seen(int64_t version);
  // Called every few milliseconds: rate, retries, silence.
  virtual void Tick(absl::Time now) = 0;
  // Whether a lane has room for more dispatches.
  bool Hungry();
  // A lane's dispatches are being loaded: those that are already here.
  std::vector<int64_t> Loading(v1::Lane lane);
  // What was found. `full`: there may be more.
  void Loaded(v1::Lane lane, absl::StatusOr<std::vector<std::shared_ptr<LoadedDispatch>>> loaded,
              bool full = false);
  // Waits for a group to be joined.
  virtual absl::StatusOr<v1::JoinOutcome> JoinGroup(const std::string& invite_link,
                                                    absl::Duration deadline) = 0;
  // Waits until a group has been left and is not among the SIM's any more.
  virtual absl::Status LeaveGroup(const std::string& group_id, absl::Duration deadline) = 0;
  // How long its lease lasts without renewal.
  virtual absl::Duration lease_time() const = 0;

  int64_t account_id() const { return account_id_; }
  int64_t sim_id() const { return sim_id_; }
  int64_t epoch() const { return epoch_; }
  // Whether the same message may be sent twice without arriving twice.
  bool idempotent() const { return idempotent_; }

 protected:
  // What may be sent at a time.
  enum class May { kNothing, kInteractive, kAll };

  // Everything named "Locked" expects mutex_ held.
  virtual bool OpenLocked() const = 0;
  virtual May MayLocked(absl::Time) { return May::kAll; }
  // Whether the cut may be asked to be opened at once. If not, AdmittedLocked follows.
  virtual bool AdmitLocked(const Sender::Cut&) { return true; }
  // Asks the ledger for what may leave of a cut.
  void AdmittedLocked(Sender::Cut cut);
  // What the ledger has opened of a cut leaves.
  void Opened(const Sender::Cut& cut, const LedgerOutcome& outcome);
  // Adds to the windows of a cut what the ledger has to know of the network.
  virtual void CompleteLocked(Sender::Cut&) const {}
  // These recipients' messages are ATTEMPTING, durably: they must leave now.
  virtual void SendLocked(const std::shared_ptr<LoadedDispatch>& dispatch,
                          const std::vector<int>& indices) = 0;
  virtual void EndLocked(const absl::Status& status) = 0;
  // What the SIM may do from now on.
  virtual void SetLimitsLocked(const SimLimits& limits);
  // Somebody has let the SIM go on, and has mended what it waited for.
  virtual void ResumedLocked() {}

  void LoadLocked();
  void PumpLocked();
  // Windows are being committed, or doubtful messages are.
  bool OpeningLocked() const { return windows_asked_ > 0; }
  LedgerWork NewWork() const;

  Gateway& gateway_;
  // Set once, before the session is registered.
  int64_t account_id_ = 0;
  int64_t sim_id_ = 0;
  int64_t epoch_ = 0;
  bool idempotent_ = false;

  std::mutex mutex_;
  Sender sender_;
  bool running_ = true;  // the SIM's state lets it send

 private:
  // False when it had to end the session.
  bool SettleDoubtfulLocked();

  std::set<v1::Lane> loading_;
  // Where there may be dispatches that are neither loaded nor being loaded.
  std::set<v1::Lane> more_ = {v1::LANE_INTERACTIVE, v1::LANE_BULK};
  int64_t version_ = -1;  // of the SIM's row, as it was read last; -1: not known
  int windows_asked_ = 0;
  int bulk_asked_ = 0;  // of those
};

}  // namespace mo::sims
