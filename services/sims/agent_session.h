// One attached device agent: the stream's frames in, the sender's messages out.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "messageorganizer/sims/v1/device.grpc.pb.h"
#include "services/sims/sim_session.h"

namespace mo::sims {

// Lives from Attach until gRPC is done with the stream, and as long as a commit refers to it.
//
// Order of things: hello → token, lease, Welcome → load open dispatches → cut windows → commit →
// send → results and receipts → commit → ack. Nothing is sent before its window is committed,
// nothing acked before its effect is.
class AgentSession final : public grpc::ServerBidiReactor<v1::AgentFrame, v1::GatewayFrame>,
                           public SimSession {
 public:
  AgentSession(Gateway& gateway, std::string token);

  // Begins to read. The session keeps itself alive until OnDone.
  void Begin();
  void Tick(absl::Time now) override;
  absl::StatusOr<v1::JoinOutcome> JoinGroup(const std::string& invite_link,
                                            absl::Duration deadline) override;
  absl::Status LeaveGroup(const std::string& group_id, absl::Duration deadline) override;
  absl::Duration lease_time() const override { return kLeaseTime; }

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  enum class Phase { kHello, kOpening, kOpen, kEnded };

  std::shared_ptr<AgentSession> Self() {
    return std::static_pointer_cast<AgentSession>(shared_from_this());
  }
  bool OpenLocked() const override { return phase_ == Phase::kOpen; }
  void SendLocked(const std::shared_ptr<LoadedDispatch>& dispatch,
                  const std::vector<int>& indices) override;
  // Ends the stream with a status; frames that wait are dropped.
  void EndLocked(const absl::Status& status) override;

  void Open(const v1::AgentHello& hello);
  absl::Status TakeOver(const v1::AgentHello& hello, absl::Time now);
  void HandleLocked(const v1::AgentFrame& frame);
  void Committed(int64_t seq, int64_t ack, const std::vector<v1::SendResult>& results,
                 const LedgerOutcome& outcome);
  // Tells those who wait for a group to be left.
  void NoteLeftLocked(const std::vector<std::string>& groups);
  void SayLocked(v1::GatewayItem item);
  void FlushLocked();
  void ReadLocked();

  const std::string token_;
  common::Network network_ = common::NETWORK_UNSPECIFIED;

  Phase phase_ = Phase::kHello;
  std::shared_ptr<AgentSession> self_;

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
  // Groups that somebody waits to have left: how many do, and whether it has been.
  struct Leave {
    int waiting = 0;
    bool left = false;
  };
  std::map<std::string, Leave> leaves_;
  std::condition_variable joined_;  // or left, or ended
};

}  // namespace mo::sims
