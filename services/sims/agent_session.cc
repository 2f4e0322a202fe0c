#include "services/sims/agent_session.h"

#include <chrono>

#include "libs/runtime/ids.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "services/sims/agent_frames.h"
#include "services/sims/errors.h"
#include "services/sims/pool.h"
#include "services/sims/pool_store.h"
#include "services/sims/sim_states.h"

namespace mo::sims {
namespace {

constexpr int kFramesOpen = 8;  // read ahead of the commits
constexpr int kItemsPerFrame = 64;

}  // namespace

AgentSession::AgentSession(Gateway& gateway, std::string token)
    : SimSession(gateway), token_(std::move(token)), last_read_(gateway.app().clock().Now()) {}

void AgentSession::Begin() {
  std::lock_guard lock(mutex_);
  self_ = Self();
  ReadLocked();
}

void AgentSession::ReadLocked() {
  if (reading_ || phase_ == Phase::kEnded || frames_open_ >= kFramesOpen) return;
  reading_ = true;
  StartRead(&read_frame_);
}

void AgentSession::OnReadDone(bool ok) {
  std::lock_guard lock(mutex_);
  reading_ = false;
  if (phase_ == Phase::kEnded) return;
  if (!ok) return EndLocked(absl::OkStatus());
  last_read_ = gateway_.app().clock().Now();
  if (absl::Status status = CheckFrame(read_frame_, received_); !status.ok())
    return EndLocked(status);
  received_ = read_frame_.seq();
  if (phase_ == Phase::kOpen) {
    HandleLocked(read_frame_);
    return ReadLocked();
  }
  if (read_frame_.items_size() == 0 || !read_frame_.items(0).has_hello()) {
    return EndLocked(absl::InvalidArgumentError("the first item must be hello"));
  }
  phase_ = Phase::kOpening;
  // The rest of the first frame is handled when the session is open; the database must not be asked
  // on this thread.
  const bool posted = gateway_.Post(0, [self = Self(), frame = read_frame_] {
    self->Open(frame.items(0).hello());
    std::lock_guard relock(self->mutex_);
    if (self->phase_ != Phase::kOpen) return;
    self->HandleLocked(frame);
    self->ReadLocked();
    self->LoadLocked();
  });
  if (!posted) EndLocked(absl::UnavailableError("stopping"));
}

void AgentSession::Open(const v1::AgentHello& hello) {
  const absl::Time now = gateway_.app().clock().Now();
  if (absl::Status status = TakeOver(hello, now); !status.ok()) return End(status);
  gateway_.Register(sim_id_, Self());
  std::unique_lock lock(mutex_);
  if (phase_ != Phase::kOpening) {
    // The stream ended meanwhile, perhaps before there was anything to unregister.
    lock.unlock();
    return gateway_.Unregister(sim_id_, this);
  }
  phase_ = Phase::kOpen;
  idempotent_ = hello.idempotent();
  sender_.SetCredit(hello.credit());
  v1::GatewayItem welcome;
  welcome.mutable_welcome()->set_lease_epoch(epoch_);
  welcome.mutable_welcome()->set_heartbeat_ms(absl::ToInt64Milliseconds(kHeartbeat));
  SayLocked(std::move(welcome));
}

constexpr char kDeleteOtherGroups[] =
    "DELETE FROM sims.groups WHERE account_id = $1 AND sim_id = $2 AND group_id <> ALL($3)";
absl::Status AgentSession::TakeOver(const v1::AgentHello& hello, absl::Time now) {
  return gateway_.database().AsSystem([&](storage::Transaction& tx) -> absl::Status {
    MO_ASSIGN_OR_RETURN(std::optional<TokenOwner> owner, SelectTokenOwner(tx, HashToken(token_)));
    if (!owner) return AgentTokenInvalid();
    account_id_ = owner->account_id;
    sim_id_ = owner->sim_id;
    storage::Pending lease = TakeLease(tx, account_id_, sim_id_, now + kLeaseTime);
    std::vector<std::string> groups;
    for (const auto& group : hello.groups()) groups.push_back(group.group_id());
    tx.Defer(kDeleteOtherGroups, account_id_, sim_id_, groups);
    MO_ASSIGN_OR_RETURN(v1::Sim sim, SelectSimOf(tx, account_id_, sim_id_, now));
    MO_ASSIGN_OR_RETURN(storage::Result taken, lease.Get());
    epoch_ = taken[0].Int(0);
    network_ = sim.network();
    running_ = Sends(sim.state());
    SimLimits limits;
    limits.messages_per_second = sim.messages_per_second();
    limits.speed = sim.quality().speed();
    SetLimitsLocked(limits);
    return TellOnline(tx, gateway_.outbox(), account_id_, sim_id_, sim.state(), true);
  });
}

void AgentSession::HandleLocked(const v1::AgentFrame& frame) {
  FrameContent content =
      SortFrame(frame, [&](int64_t key) { return sender_.MayThrottle(key, frame.ack()); });
  for (const auto& credit : content.credits) sender_.SetCredit(credit.credit());
  for (const auto& join : content.joins) {
    const auto waiting = joins_.find(join.request_id());
    if (waiting != joins_.end()) waiting->second = join.outcome();
    joined_.notify_all();
  }
  if (content.empty()) {
    // Nothing to make durable: acknowledged with the frames under way, or now when there are none.
    if (frames_open_ == 0) {
      acked_ = received_;
      // A heartbeat is not answered, else there would be no end of it.
      if (frame.items_size() > 0) ack_due_ = true;
    }
    PumpLocked();
    return FlushLocked();
  }
  LedgerWork work = NewWork();
  work.network = network_;
  work.transitions = std::move(content.transitions);
  work.inbound = std::move(content.inbound);
  work.groups = std::move(content.groups);
  std::vector<std::string> left;
  for (const v1::GroupMembership& group : work.groups) {
    if (group.left()) left.push_back(group.group_id());
  }
  // While there is credit for more, nothing waits for what became of what was sent.
  work.patient = work.inbound.empty() && work.groups.empty() && sender_.Relaxed();
  work.done = [self = Self(), seq = frame.seq(), ack = frame.ack(),
               results = std::move(content.results),
               left = std::move(left)](const LedgerOutcome& outcome) {
    self->Committed(seq, ack, results, outcome);
    if (left.empty() || !outcome.status.ok()) return;
    std::lock_guard lock(self->mutex_);
    self->NoteLeftLocked(left);
  };
  ++frames_open_;
  if (!gateway_.ledger().Add(std::move(work))) {
    --frames_open_;
    // Not acknowledged, so the agent brings it again when it comes back.
    EndLocked(absl::UnavailableError("the gateway is overloaded or stopping"));
  }
}

void AgentSession::Committed(int64_t seq, int64_t ack, const std::vector<v1::SendResult>& results,
                             const LedgerOutcome& outcome) {
  std::lock_guard lock(mutex_);
  --frames_open_;
  if (phase_ == Phase::kEnded) return;
  if (!outcome.status.ok()) return EndLocked(outcome.status);
  acked_ = frames_open_ == 0 ? received_ : seq;
  ack_due_ = true;
  const absl::Time now = gateway_.app().clock().Now();
  for (const v1::SendResult& result : results) {
    if (result.outcome() == v1::SEND_OUTCOME_THROTTLED) {
      sender_.Later(result.client_message_id(),
                    now + absl::Milliseconds(std::max<int64_t>(1, result.retry_after_ms())));
    } else {
      sender_.Resolved(result.client_message_id(), ack);
    }
  }
  PumpLocked();
  FlushLocked();
  ReadLocked();
}

void AgentSession::SayLocked(v1::GatewayItem item) {
  out_items_.push_back(std::move(item));
  FlushLocked();
}

void AgentSession::FlushLocked() {
  if (writing_ || phase_ != Phase::kOpen || (out_items_.empty() && !ack_due_)) return;
  write_frame_.Clear();
  write_frame_.set_seq(++sent_);
  write_frame_.set_ack(acked_);
  for (int i = 0; i < kItemsPerFrame && !out_items_.empty(); ++i) {
    for (const auto& message : out_items_.front().send().messages())
      sender_.SentIn(message.client_message_id(), sent_);
    *write_frame_.add_items() = std::move(out_items_.front());
    out_items_.pop_front();
  }
  ack_due_ = false;
  writing_ = true;
  last_write_ = gateway_.app().clock().Now();
  StartWrite(&write_frame_);
}

void AgentSession::OnWriteDone(bool ok) {
  std::lock_guard lock(mutex_);
  writing_ = false;
  if (phase_ == Phase::kEnded) return;
  if (!ok) return EndLocked(absl::OkStatus());
  FlushLocked();
}

void AgentSession::Tick(absl::Time now) {
  std::lock_guard lock(mutex_);
  if (phase_ == Phase::kEnded) return;
  if (now - last_read_ > kLeaseTime)
    return EndLocked(absl::DeadlineExceededError("no frame for 45 s"));
  if (phase_ != Phase::kOpen) return;
  sender_.Tick(now);
  PumpLocked();
  if (now - last_write_ > kHeartbeat) ack_due_ = true;
  FlushLocked();
}

absl::StatusOr<v1::JoinOutcome> AgentSession::JoinGroup(const std::string& invite_link,
                                                        absl::Duration deadline) {
  std::unique_lock lock(mutex_);
  if (phase_ != Phase::kOpen) return AgentOffline();
  const int64_t request = next_join_++;
  joins_[request] = std::nullopt;
  v1::GatewayItem item;
  item.mutable_join_group()->set_request_id(request);
  item.mutable_join_group()->set_invite_link(invite_link);
  SayLocked(std::move(item));
  joined_.wait_for(lock, absl::ToChronoMilliseconds(deadline),
                   [&] { return joins_[request].has_value() || phase_ == Phase::kEnded; });
  const std::optional<v1::JoinOutcome> outcome = joins_[request];
  joins_.erase(request);
  if (!outcome) return AgentOffline();
  return *outcome;
}

void AgentSession::NoteLeftLocked(const std::vector<std::string>& groups) {
  for (const std::string& group : groups) {
    const auto found = leaves_.find(group);
    if (found != leaves_.end()) found->second.left = true;
  }
  joined_.notify_all();
}

absl::Status AgentSession::LeaveGroup(const std::string& group_id, absl::Duration deadline) {
  std::unique_lock lock(mutex_);
  if (phase_ != Phase::kOpen) return AgentOffline();
  Leave& leave = leaves_[group_id];
  ++leave.waiting;
  v1::GatewayItem item;
  item.mutable_leave_group()->set_group_id(group_id);
  SayLocked(std::move(item));
  joined_.wait_for(lock, absl::ToChronoMilliseconds(deadline),
                   [&] { return leave.left || phase_ == Phase::kEnded; });
  const bool left = leave.left;
  if (--leave.waiting == 0) leaves_.erase(group_id);
  return left ? absl::OkStatus() : AgentOffline();
}

void AgentSession::SendLocked(const std::shared_ptr<LoadedDispatch>& dispatch,
                              const std::vector<int>& indices) {
  v1::GatewayItem item;
  *item.mutable_send() = MakeBatch(*dispatch, indices);
  SayLocked(std::move(item));
}

void AgentSession::EndLocked(const absl::Status& status) {
  if (phase_ == Phase::kEnded) return;
  phase_ = Phase::kEnded;
  joined_.notify_all();
  out_items_.clear();
  Finish(ToGrpc(status));
}

void AgentSession::OnCancel() { End(absl::CancelledError("canceled")); }

void AgentSession::OnDone() {
  gateway_.Unregister(sim_id_, this);
  std::shared_ptr<AgentSession> self;
  {
    std::lock_guard lock(mutex_);
    phase_ = Phase::kEnded;
    self = std::move(self_);
  }
}

}  // namespace mo::sims
