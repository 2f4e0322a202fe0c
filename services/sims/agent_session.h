// One attached device agent: the stream's frames in, the sender's messages out.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "messageorganizer/sims/v1/device.grpc.pb.h"
#include "services/sims/gateway.h"
#include "services/sims/ledger_commit.h"
#include "services/sims/sender.h"

namespace mo::sims {

// Lives from Attach until gRPC is done with the stream, and as long as a commit refers to it.
//
// Order of things: hello → token, lease, Welcome → load open dispatches → cut windows → commit →
// send → results and receipts → commit → ack. Nothing is sent before its window is committed,
// nothing acked before its effect is.
class AgentSession final : public grpc::ServerBidiReactor<v1::AgentFrame, v1::GatewayFrame>,
                           public std::enable_shared_from_this<AgentSession> {
 public:
  AgentSession(Gateway& gateway, std::string token);

  // Begins to read. The session keeps itself alive until OnDone.
  void Begin();
  // Ends the stream with a status; frames that wait are dropped. Idempotent.
  void End(const absl::Status& status);
  // New dispatches of a lane may be there.
  void Wake(v1::Lane lane);
  // Dispatches of any lane may be there.
  void Wake();
  // Reads the SIM's state and rate anew.
  void Reconfigure();
  // Called every few milliseconds: rate, retries, silence.
  void Tick(absl::Time now);
  // Whether a lane has room for more dispatches.
  bool Hungry();
  // Waits for a group to be joined.
  absl::StatusOr<v1::JoinOutcome> JoinGroup(const std::string& invite_link,
                                            absl::Duration deadline);

  int64_t account_id() const { return account_id_; }
  int64_t sim_id() const { return sim_id_; }
  int64_t epoch() const { return epoch_; }

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  enum class Phase { kHello, kOpening, kOpen, kEnded };

  // Everything below "Locked" expects mutex_ held.
  void Open(const v1::AgentHello& hello);
  absl::Status TakeOver(const v1::AgentHello& hello, absl::Time now);
  void HandleLocked(const v1::AgentFrame& frame);
  void Committed(int64_t seq, const std::vector<v1::SendResult>& results,
                 const LedgerOutcome& outcome);
  void LoadLocked();
  void Load(v1::Lane lane, int32_t limit);
  LedgerWork NewWork() const;
  // False when it had to end the session.
  bool SettleDoubtfulLocked();
  void PumpLocked();
  void Opened(const Sender::Cut& cut, const LedgerOutcome& outcome);
  void SendLocked(v1::GatewayItem item);
  void FlushLocked();
  void ReadLocked();
  void EndLocked(const absl::Status& status);

  Gateway& gateway_;
  const std::string token_;
  // Set once while opening, before the session is registered.
  int64_t account_id_ = 0;
  int64_t sim_id_ = 0;
  int64_t epoch_ = 0;
  common::Network network_ = common::NETWORK_UNSPECIFIED;
  bool idempotent_ = false;

  std::mutex mutex_;
  Phase phase_ = Phase::kHello;
  std::shared_ptr<AgentSession> self_;
  absl::Status end_status_;
  Sender sender_;
  bool running_ = true;  // the SIM's state lets it send
  std::set<v1::Lane> loading_;
  // Where there may be dispatches that are neither loaded nor being loaded.
  std::set<v1::Lane> more_ = {v1::LANE_INTERACTIVE, v1::LANE_BULK};
  int windows_asked_ = 0;
  int bulk_asked_ = 0;  // of those

  v1::AgentFrame read_frame_;
  bool reading_ = false;
  int frames_open_ = 0;  // received, not yet committed
  int64_t received_ = 0;
  int64_t acked_ = 0;
  absl::Time last_read_;

  std::deque<v1::GatewayItem> out_items_;
  v1::GatewayFrame write_frame_;
  bool writing_ = false;
  bool ack_due_ = false;
  int64_t sent_ = 0;
  absl::Time last_write_;

  int64_t next_join_ = 1;
  std::map<int64_t, std::optional<v1::JoinOutcome>> joins_;
  std::condition_variable joined_;
};

}  // namespace mo::sims
