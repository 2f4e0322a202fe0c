#include "services/sims/agent_session.h"

#include <chrono>

#include "libs/runtime/ids.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "messageorganizer/sims/v1/events.pb.h"
#include "services/sims/agent_frames.h"
#include "services/sims/errors.h"
#include "services/sims/pool.h"
#include "services/sims/pool_store.h"

namespace mo::sims {
namespace {

constexpr int kFramesOpen = 8;    // read ahead of the commits
constexpr int kWindowsAsked = 2;  // one commits while the next one gathers
constexpr int kItemsPerFrame = 64;
constexpr int32_t kLoadInteractive = 64;
constexpr int32_t kLoadBulk = 3;

}  // namespace

AgentSession::AgentSession(Gateway& gateway, std::string token)
    : gateway_(gateway), token_(std::move(token)), last_read_(gateway.app().clock().Now()) {}

void AgentSession::Begin() {
  std::lock_guard lock(mutex_);
  self_ = shared_from_this();
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
  const bool posted = gateway_.Post([self = shared_from_this(), frame = read_frame_] {
    self->Open(frame.items(0).hello());
    std::lock_guard relock(self->mutex_);
    if (self->phase_ != Phase::kOpen) return;
    self->HandleLocked(frame);
    self->ReadLocked();
    self->LoadLocked(v1::LANE_INTERACTIVE);
    self->LoadLocked(v1::LANE_BULK);
  });
  if (!posted) EndLocked(absl::UnavailableError("stopping"));
}

void AgentSession::Open(const v1::AgentHello& hello) {
  const absl::Time now = gateway_.app().clock().Now();
  if (absl::Status status = TakeOver(hello, now); !status.ok()) return End(status);
  gateway_.Register(sim_id_, shared_from_this());
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
  SendLocked(std::move(welcome));
}

constexpr char kDeleteOtherGroups[] =
    "DELETE FROM sims.groups WHERE account_id = $1 AND sim_id = $2 AND group_id <> ALL($3)";
absl::Status AgentSession::TakeOver(const v1::AgentHello& hello, absl::Time now) {
  return gateway_.database().AsSystem([&](storage::Transaction& tx) -> absl::Status {
    MO_ASSIGN_OR_RETURN(std::optional<TokenOwner> owner, SelectTokenOwner(tx, HashToken(token_)));
    if (!owner) return AgentTokenInvalid();
    account_id_ = owner->account_id;
    sim_id_ = owner->sim_id;
    MO_ASSIGN_OR_RETURN(epoch_, TakeLease(tx, account_id_, sim_id_, now + kLeaseTime));
    std::vector<std::string> groups;
    for (const auto& group : hello.groups()) groups.push_back(group.group_id());
    MO_RETURN_IF_ERROR(tx.Run(kDeleteOtherGroups, account_id_, sim_id_, groups));
    MO_ASSIGN_OR_RETURN(v1::Sim sim, SelectSimOf(tx, account_id_, sim_id_, now));
    network_ = sim.network();
    running_ = sim.state() == v1::SIM_STATE_ACTIVE || sim.state() == v1::SIM_STATE_DRAINING;
    sender_.SetRate(sim.messages_per_second(), now);
    v1::SimChanged event;
    event.set_sim_id(sim.id());
    event.set_state(sim.state());
    event.set_online(true);
    return gateway_.outbox().Append(tx, account_id_, sim.id(), event);
  });
}

void AgentSession::HandleLocked(const v1::AgentFrame& frame) {
  FrameContent content = SortFrame(frame);
  for (const auto& credit : content.credits) sender_.SetCredit(credit.credit());
  for (const auto& join : content.joins) {
    const auto waiting = joins_.find(join.request_id());
    if (waiting != joins_.end()) waiting->second = join.outcome();
    joined_.notify_all();
  }
  if (content.empty()) {
    // Nothing to make durable: acknowledged by the next commit, or now when none is under way.
    if (frames_open_ == 0) acked_ = frame.seq();
    return PumpLocked();
  }
  LedgerWork work;
  work.account_id = account_id_;
  work.sim_id = sim_id_;
  work.epoch = epoch_;
  work.network = network_;
  work.transitions = std::move(content.transitions);
  work.inbound = std::move(content.inbound);
  work.groups = std::move(content.groups);
  work.done = [self = shared_from_this(), seq = frame.seq(), results = std::move(content.results)](
                  const LedgerOutcome& outcome) { self->Committed(seq, results, outcome); };
  ++frames_open_;
  if (!gateway_.ledger().Add(std::move(work))) {
    --frames_open_;
    // Not acknowledged, so the agent brings it again when it comes back.
    EndLocked(absl::UnavailableError("the gateway is overloaded or stopping"));
  }
}

void AgentSession::Committed(int64_t seq, const std::vector<v1::SendResult>& results,
                             const LedgerOutcome& outcome) {
  std::lock_guard lock(mutex_);
  --frames_open_;
  if (phase_ == Phase::kEnded) return;
  if (!outcome.status.ok()) return EndLocked(outcome.status);
  acked_ = seq;
  ack_due_ = true;
  const absl::Time now = gateway_.app().clock().Now();
  for (const v1::SendResult& result : results) {
    if (result.outcome() == v1::SEND_OUTCOME_THROTTLED) {
      sender_.Later(result.client_message_id(),
                    now + absl::Milliseconds(std::max<int64_t>(1, result.retry_after_ms())));
    } else {
      sender_.Resolved(result.client_message_id());
    }
  }
  PumpLocked();
  FlushLocked();
  ReadLocked();
}

void AgentSession::Wake() {
  std::lock_guard lock(mutex_);
  LoadLocked(v1::LANE_INTERACTIVE);
  LoadLocked(v1::LANE_BULK);
}

bool AgentSession::Hungry() {
  std::lock_guard lock(mutex_);
  return phase_ == Phase::kOpen && running_ &&
         (sender_.Low(v1::LANE_INTERACTIVE) || sender_.Low(v1::LANE_BULK));
}

void AgentSession::LoadLocked(v1::Lane lane) {
  if (phase_ != Phase::kOpen || !running_) return;
  if (!sender_.Low(lane)) {
    more_[lane] = true;
    return;
  }
  if (loading_[lane]) {
    wanted_[lane] = true;  // what came after the running query's snapshot is fetched after it
    return;
  }
  loading_[lane] = true;
  if (!gateway_.Post([self = shared_from_this(), lane] { self->Load(lane); }))
    loading_[lane] = false;
}

void AgentSession::Load(v1::Lane lane) {
  const int32_t limit = lane == v1::LANE_BULK ? kLoadBulk : kLoadInteractive;
  std::vector<int64_t> known;
  {
    std::lock_guard lock(mutex_);
    known = sender_.Known();
    wanted_[lane] = more_[lane] = false;
  }
  auto loaded = LoadDispatches(gateway_.database(), account_id_, sim_id_, lane, known, limit);
  std::lock_guard lock(mutex_);
  loading_[lane] = false;
  if (!loaded.ok()) {
    Log(LogLevel::kWarning, "loading dispatches failed",
        {{"error", std::string(loaded.status().message())}});
    return;  // the gateway's poll asks again
  }
  if (loaded->size() == static_cast<size_t>(limit)) more_[lane] = true;
  sender_.Offer(*std::move(loaded));
  PumpLocked();
  if (wanted_[lane]) LoadLocked(lane);
}

// An earlier lease's messages may have left: never sent again, settled by receipts or not at all.
bool AgentSession::SettleDoubtfulLocked() {
  std::vector<int64_t> doubtful = sender_.TakeDoubtful();
  if (doubtful.empty()) return true;
  LedgerWork work;
  work.account_id = account_id_;
  work.sim_id = sim_id_;
  work.epoch = epoch_;
  for (int64_t key : doubtful)
    work.transitions.push_back({key, {common::DELIVERY_STATE_UNCERTAIN, {}}});
  work.done = [self = shared_from_this(),
               doubtful = std::move(doubtful)](const LedgerOutcome& outcome) {
    std::lock_guard lock(self->mutex_);
    if (!outcome.status.ok()) return self->EndLocked(outcome.status);
    self->sender_.Settled(doubtful);
  };
  if (gateway_.ledger().Add(std::move(work))) return true;
  // They are found again, doubtful still, when the agent comes back.
  EndLocked(absl::UnavailableError("the gateway is overloaded or stopping"));
  return false;
}

void AgentSession::PumpLocked() {
  if (phase_ != Phase::kOpen || !running_) return;
  const absl::Time now = gateway_.app().clock().Now();
  if (!idempotent_ && !SettleDoubtfulLocked()) return;
  while (windows_asked_ < kWindowsAsked) {
    Sender::Cut cut = sender_.Next(now);
    if (cut.windows.empty()) break;
    LedgerWork work;
    work.account_id = account_id_;
    work.sim_id = sim_id_;
    work.epoch = epoch_;
    work.windows = cut.windows;
    ++windows_asked_;
    work.done = [self = shared_from_this(), cut = std::move(cut)](const LedgerOutcome& outcome) {
      self->Opened(cut, outcome);
    };
    if (!gateway_.ledger().Add(std::move(work))) {
      return EndLocked(absl::UnavailableError("the gateway is overloaded or stopping"));
    }
  }
  // Only what is known to be there: asking in vain would never end.
  for (const v1::Lane lane : {v1::LANE_INTERACTIVE, v1::LANE_BULK}) {
    if (more_[lane]) LoadLocked(lane);
  }
}

void AgentSession::Opened(const Sender::Cut& cut, const LedgerOutcome& outcome) {
  std::lock_guard lock(mutex_);
  --windows_asked_;
  if (phase_ == Phase::kEnded) return;
  if (!outcome.status.ok()) return EndLocked(outcome.status);
  sender_.Opened(cut, outcome);
  for (size_t w = 0; w < cut.windows.size(); ++w) {
    if (outcome.opened[w].empty()) continue;
    v1::GatewayItem item;
    *item.mutable_send() = MakeBatch(*cut.dispatches[w], outcome.opened[w]);
    SendLocked(std::move(item));
  }
  PumpLocked();
}

void AgentSession::SendLocked(v1::GatewayItem item) {
  out_items_.push_back(std::move(item));
  FlushLocked();
}

void AgentSession::FlushLocked() {
  if (writing_ || phase_ != Phase::kOpen || (out_items_.empty() && !ack_due_)) return;
  write_frame_.Clear();
  write_frame_.set_seq(++sent_);
  write_frame_.set_ack(acked_);
  for (int i = 0; i < kItemsPerFrame && !out_items_.empty(); ++i) {
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

constexpr char kSelectConfig[] =
    "SELECT state, messages_per_second FROM sims.sims WHERE account_id = $1 AND id = $2";
void AgentSession::Reconfigure() {
  gateway_.Post([self = shared_from_this()] {
    absl::Status status = self->gateway_.database().As(
        self->account_id_, [&](storage::Transaction& tx) -> absl::Status {
          MO_ASSIGN_OR_RETURN(storage::Result rows,
                              tx.Query(kSelectConfig, self->account_id_, self->sim_id_));
          if (rows.empty()) return SimNotFound();
          const auto state = static_cast<v1::SimState>(rows[0].Int(0));
          std::lock_guard lock(self->mutex_);
          self->running_ = state == v1::SIM_STATE_ACTIVE || state == v1::SIM_STATE_DRAINING;
          self->sender_.SetRate(static_cast<int>(rows[0].Int(1)),
                                self->gateway_.app().clock().Now());
          return absl::OkStatus();
        });
    if (status.code() == absl::StatusCode::kNotFound) return self->End(status);
    self->Wake();
  });
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
  SendLocked(std::move(item));
  joined_.wait_for(lock, absl::ToChronoMilliseconds(deadline),
                   [&] { return joins_[request].has_value() || phase_ == Phase::kEnded; });
  const std::optional<v1::JoinOutcome> outcome = joins_[request];
  joins_.erase(request);
  if (!outcome) return AgentOffline();
  return *outcome;
}

void AgentSession::End(const absl::Status& status) {
  std::lock_guard lock(mutex_);
  EndLocked(status);
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
