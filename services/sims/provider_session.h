// One SIM whose messages go to a provider's API.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "libs/http/pool_client.h"
#include "services/sims/drivers/consequences.h"
#include "services/sims/drivers/driver.h"
#include "services/sims/limits/send_limiter.h"
#include "services/sims/pace.h"
#include "services/sims/provider_files.h"
#include "services/sims/provider_metrics.h"
#include "services/sims/provider_poll.h"
#include "services/sims/sim_session.h"

namespace mo::sims {

// What sessions with providers share.
struct ProviderDeps {
  http::PoolClient& client;
  http::PoolClient& poll_client;  // whose requests wait at the provider
  Callbacks& callbacks;
  MediaSource& media;
  ProviderMetrics& metrics;
  SendLimiter& limiter;
  // Sets the guard that a request to a provider is under.
  std::function<void(http::ClientRequest& request)> guard;
};

// A lease that was taken, and what is behind it.
struct ProviderLease {
  int64_t account_id = 0;
  int64_t sim_id = 0;
  int64_t epoch = 0;
  bool running = true;  // the SIM's state lets it send
  SimLimits limits;
  std::shared_ptr<const SimDriver> driver;
};

// Turns opened windows into requests, many at once over kept-alive connections, and their responses
// into committed results; what follows from an error is in consequences.h.
//
// A message is sent at most once for each time that the ledger says ATTEMPTING, and its result is
// committed before it is offered again. What has left without an answer becomes UNCERTAIN.
class ProviderSession final : public SimSession {
 public:
  ProviderSession(Gateway& gateway, ProviderDeps deps, ProviderLease lease);

  // Registers with the gateway, tells the provider where to call back, and begins to load.
  void Begin();
  bool Drain() override;
  void Tick(absl::Time now) override;
  absl::StatusOr<v1::JoinOutcome> JoinGroup(const std::string& invite_link,
                                            absl::Duration deadline) override;
  absl::Status LeaveGroup(const std::string& group_id, absl::Duration deadline) override;
  absl::Duration lease_time() const override { return kProviderLeaseTime; }

 private:
  // A message that is ATTEMPTING.
  struct Flight {
    std::shared_ptr<LoadedDispatch> dispatch;
    std::vector<http::ClientRequest> rest;  // after the one that is under way
    std::string address;                    // where it goes; another than the dispatch's if moved
    std::string provider_id;                // of the first request
    absl::Time start;                       // where there are watermarks: when the first one left
    bool first = true;                      // no request has succeeded yet
    bool has_file = false;                  // its request brings the file along
    std::string media_id;                   // of the file that it needs, "" if none
    int64_t contact_id(int64_t key) const {
      return dispatch->contact_ids[static_cast<size_t>(IndexOf(key))];
    }
  };
  // What is to be committed of a message.
  struct Result {
    int64_t key;
    Standing standing;
    absl::Time again;  // of QUEUED: when it is offered again
    std::string provider_id;
    std::string address;
    absl::Time start = absl::InfinitePast();  // as Flight.start
  };

  bool OpenLocked() const override { return !ended_; }
  May MayLocked(absl::Time now) override;
  bool AdmitLocked(const Sender::Cut& cut) override;
  void CompleteLocked(Sender::Cut& cut) const override;
  // How long after the window has closed a person may still answer.
  absl::Duration PersonGrace() const;
  // Of each message that the limiter is asked about, whether it counts among those to different
  // recipients: what goes to somebody who has not written. Blocks on the database.
  std::vector<bool> Counted(const Sender::Cut& cut) const;
  // Asks the limiter about the first of a lane's cuts that wait for it.
  void AskNextLocked(bool interactive);
  // Asks the limiter who may leave now; blocks on Redis. `change`: when the limits are others.
  void Admit(const SendLimits& limits, absl::Time change, Sender::Cut cut);
  void SendLocked(const std::shared_ptr<LoadedDispatch>& dispatch,
                  const std::vector<int>& indices) override;
  void EndLocked(const absl::Status& status) override;
  void SetLimitsLocked(const SimLimits& limits) override;
  void ResumedLocked() override { pace_.Forgive(); }

  // Starts a message that is the first in its contact's line, unless the contact is to be left
  // alone.
  void BeginLocked(int64_t key);
  // The first in its contact's line is through, unless it was so before: the next one begins.
  void NextInLineLocked(int64_t contact_id, int64_t key);
  // Whoever is behind a message that is offered again is so, too, and stays behind it.
  void PostponeLineLocked(int64_t contact_id, int64_t key, absl::Time again);
  // Makes and starts a message's requests, or settles it at once.
  void StartLocked(int64_t key, Flight& flight);
  void FetchLocked(int64_t key, http::ClientRequest request);
  // Sends what waits while fewer requests are under way than the network wants; interactive first.
  void FlushLocked();
  // Notes when a message leaves.
  void StampLocked(int64_t key);
  // deps_.guard, once for all requests to one origin.
  void GuardLocked(http::ClientRequest& request);
  void Answered(int64_t key, const absl::StatusOr<http::Response>& response);
  void HandleLocked(int64_t key, const SendOutcome& outcome);
  // Decides what becomes of a message, and of whoever else is concerned.
  void SettleLocked(int64_t key, const SendOutcome& outcome);
  void RetryLocked(int64_t key, const Flight& flight, const SendOutcome& outcome);
  void PunishLocked(const Consequence& consequence, int code);
  // Changes what is kept of the SIM, on another thread, and then does as the database has it.
  void ChangeSim(std::function<absl::Status(storage::Transaction& tx)> change);
  // Takes the SIM out of the pool.
  void StopSim(v1::SimState state, const Consequence& consequence, int code);

  void CommitLocked();
  void Committed(const std::vector<Result>& results, const LedgerOutcome& outcome);

  // The file of a message's media: true when it is there, else the message waits for it.
  bool FileReadyLocked(int64_t key, const std::string& media_id);
  void FetchFile(const std::string& media_id);
  void FileFetched(const std::string& media_id, absl::StatusOr<MediaFile> file);
  void Uploaded(const std::string& media_id, const absl::StatusOr<http::Response>& response);
  void ReleaseLocked(const std::string& media_id, const SendOutcome& failure);

  const ProviderDeps deps_;
  const std::shared_ptr<const SimDriver> sim_;
  const Driver* const driver_;                // sim_'s
  const std::shared_ptr<ProviderPoll> poll_;  // null where the provider calls back
  bool ended_ = false;
  bool draining_ = false;
  bool stopped_sim_ = false;
  Pace pace_;
  SimLimits allowed_;
  SendLimits limits_;  // what the network, or the SIM's owner, allows
  // As many recipients as a day may have were written to: those of bulk wait until then.
  absl::Time full_until_ = absl::InfinitePast();
  // Cuts that wait for the limiter, of bulk and of interactive messages. The first of each is being
  // asked about; one at a time, so that what goes to one contact stays in its order.
  std::deque<Sender::Cut> unasked_[2];
  absl::flat_hash_map<int64_t, std::unique_ptr<Flight>> flights_;
  // By contact: the message that is under way, and those that must not overtake it on another
  // connection.
  struct Line {
    int64_t first;
    std::vector<int64_t> behind;
  };
  absl::flat_hash_map<int64_t, Line> lines_;
  absl::flat_hash_map<int64_t, int> attempts_;  // of messages that were refused for now
  std::vector<Result> results_;                 // not yet asked to be committed
  // Of recipients, to be committed with the next results.
  std::vector<ConsentNotice> consents_;
  std::vector<MoveNotice> moved_;
  int commits_asked_ = 0;
  ProviderFiles files_;
  // Requests that wait for others to come back, of interactive messages and of bulk.
  std::deque<std::pair<int64_t, http::ClientRequest>> interactive_;
  std::deque<std::pair<int64_t, http::ClientRequest>> bulk_;
  int requests_ = 0;     // under way
  std::string guarded_;  // "https://host:port", whose guard is known
  bool allow_private_ = false;
  std::vector<int> allowed_ports_;
};

}  // namespace mo::sims
