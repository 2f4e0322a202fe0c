// A device with a SIM: attaches to the gateway, takes messages, answers, reports what phones write.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "tools/simulator/outbox.h"
#include "tools/simulator/sends.h"
#include "tools/simulator/stream.h"
#include "tools/simulator/world.h"

namespace mo::simulator {

// An agent as GET /agents shows it.
struct AgentView {
  bool online = false;    // it wants to be attached
  bool attached = false;  // it is: the Welcome came
  bool banned = false;
  int64_t lease_epoch = 0;
  int64_t attaches = 0;
  int32_t credit = 0;
  int64_t in_flight = 0;
  size_t queued = 0;
  size_t unacked = 0;
  std::string last_error;  // of the last stream that ended
};

// One SIM's agent. It attaches again, with back-off, until it is closed or switched off.
// Thread-safe.
class Agent : public std::enable_shared_from_this<Agent> {
 public:
  // `world` must outlive it until WaitClosed.
  Agent(uint32_t id, AgentSpec spec, World& world, std::shared_ptr<grpc::Channel> channel);

  const AgentSpec& spec() const { return spec_; }
  uint32_t id() const { return id_; }
  AgentView View();

  // Does what is due: attach, heartbeat, ack, delayed receipts. Cheap if nothing is.
  void Tick(int64_t now_ms);

  // Drops the stream once.
  void Disconnect();
  // Off: drops the stream and stays away. Phones may still write; it is replayed.
  void SetOnline(bool online);
  // Reports BANNED (Sends fail from now on) or WORKING.
  void SetBanned(bool banned);
  // Grants another number of messages in flight.
  void SetCredit(int32_t credit);
  // For good. WaitClosed returns when the stream is gone.
  void Close();
  void WaitClosed();

  // Somebody wrote to the SIM. FailedPrecondition if it is banned, ResourceExhausted if too much
  // waits for the gateway.
  absl::Status Receive(sims::Inbound inbound);
  // Phones did something about messages of this SIM.
  void GiveReceipts(const std::vector<PhoneReceipt>& receipts);
  // The SIM was put into a group, or out.
  void GiveMembership(sims::GroupMembership membership);

  // Events of the stream, of which there is one at a time. OnFrame returns false if the frame broke
  // the contract; at OnClosed it is gone already.
  bool OnFrame(const sims::GatewayFrame& frame);
  void OnWritten(bool ok);
  void OnReadsEnded();
  void OnClosed(const grpc::Status& status);

 private:
  bool Check(const sims::GatewayFrame& frame) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Welcomed(const sims::GatewayItem& item) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Perform(const sims::GatewayItem& item) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Send(const sims::SendBatch& batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void JoinGroup(const sims::JoinGroupCommand& command) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LeaveGroup(const sims::LeaveGroupCommand& command) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  void Connect() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReleaseDueReceipts(int64_t now_ms) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddState() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Pump(int64_t now_ms) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void UpdateDue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Cancel() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const uint32_t id_;
  const AgentSpec spec_;
  World& world_;
  std::atomic<int64_t> due_ms_{0};  // when Tick has something to do

  std::mutex mutex_;
  std::condition_variable stream_ended_;
  Sends sends_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<grpc::Channel> channel_ ABSL_GUARDED_BY(mutex_);
  AttachStream* stream_ ABSL_GUARDED_BY(mutex_) = nullptr;  // until OnClosed; deleted just before
  bool reads_ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool welcomed_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool online_ ABSL_GUARDED_BY(mutex_) = true;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool banned_ ABSL_GUARDED_BY(mutex_) = false;
  int32_t credit_ ABSL_GUARDED_BY(mutex_);
  int64_t in_flight_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t lease_epoch_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t attaches_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t peer_seq_ ABSL_GUARDED_BY(mutex_) = 0;  // the last gateway frame that has had its effects
  int64_t heartbeat_ms_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t beat_due_ms_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t ack_due_ms_ ABSL_GUARDED_BY(mutex_) = 0;  // 0: nothing to ack
  int64_t retry_due_ms_ ABSL_GUARDED_BY(mutex_) = 0;
  int failures_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string last_error_ ABSL_GUARDED_BY(mutex_);
  Outbox outbox_ ABSL_GUARDED_BY(mutex_);
  LaterReceipts later_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mo::simulator
