#include "tools/simulator/agent.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"

namespace mo::simulator {

namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
constexpr int64_t kFirstBackoffMs = 50;
constexpr int64_t kLastBackoffMs = 2000;
constexpr size_t kMostQueued = 1'000'000;

// 50 ms doubled with each failure up to 2 s, less up to half of it so that agents do not come back
// together.
int64_t Backoff(int failures, uint64_t seed, uint32_t agent) {
  const int64_t full = std::min(kLastBackoffMs, kFirstBackoffMs << std::min(failures, 10));
  return full - static_cast<int64_t>(Chance(seed, agent, NowMs()) * static_cast<double>(full / 2));
}

}  // namespace

Agent::Agent(uint32_t id, AgentSpec spec, World& world, std::shared_ptr<grpc::Channel> channel)
    : id_(id),
      spec_(std::move(spec)),
      world_(world),
      sends_(id, spec_, world),
      channel_(std::move(channel)),
      credit_(spec_.credit) {}

AgentView Agent::View() {
  std::lock_guard lock(mutex_);
  AgentView view;
  view.online = online_;
  view.attached = welcomed_;
  view.banned = banned_;
  view.lease_epoch = lease_epoch_;
  view.attaches = attaches_;
  view.credit = credit_;
  view.in_flight = in_flight_;
  view.queued = outbox_.queued();
  view.unacked = outbox_.unacked_items();
  view.last_error = last_error_;
  return view;
}

void Agent::Tick(int64_t now_ms) {
  if (now_ms < due_ms_.load(std::memory_order_relaxed)) return;
  std::lock_guard lock(mutex_);
  if (stream_ == nullptr && online_ && !closed_ && now_ms >= retry_due_ms_) Connect();
  ReleaseDueReceipts(now_ms);
  Pump(now_ms);
}

void Agent::Connect() {
  stream_ = new AttachStream(shared_from_this(), channel_, spec_.token);
  reads_ended_ = welcomed_ = false;
  writing_ = true;
  in_flight_ = 0;
  peer_seq_ = 0;
  ack_due_ms_ = 0;
  sims::AgentFrame* frame = stream_->NewFrame();
  frame->set_seq(outbox_.NextSeq());
  sims::AgentHello& hello = *frame->add_items()->mutable_hello();
  hello.set_agent_id(spec_.agent_id);
  hello.set_agent_version("simulator");
  hello.set_idempotent(spec_.idempotent);
  hello.set_credit(credit_);
  for (sims::GroupMembership& group : world_.groups.Of(spec_.network, spec_.address)) {
    *hello.add_groups() = std::move(group);
  }
  stream_->Start();
}

void Agent::Cancel() {
  if (stream_ != nullptr && !reads_ended_) stream_->Cancel();
}

void Agent::Disconnect() {
  std::lock_guard lock(mutex_);
  Cancel();
}

void Agent::SetOnline(bool online) {
  std::lock_guard lock(mutex_);
  online_ = online;
  if (!online) Cancel();
  failures_ = 0;
  retry_due_ms_ = 0;
  UpdateDue();
}

void Agent::AddState() {
  sims::AgentItem item;
  item.mutable_state()->set_state(banned_ ? sims::SESSION_STATE_BANNED
                                          : sims::SESSION_STATE_WORKING);
  outbox_.Add(OutItem::Message(std::move(item), OutItem::Kind::kTransient));
}

void Agent::SetBanned(bool banned) {
  std::lock_guard lock(mutex_);
  banned_ = banned;
  if (!welcomed_) return;  // said after the Welcome
  AddState();
  Pump(NowMs());
}

void Agent::SetCredit(int32_t credit) {
  std::lock_guard lock(mutex_);
  credit_ = credit;
  if (!welcomed_) return;  // said in the Hello
  sims::AgentItem item;
  item.mutable_credit()->set_credit(credit);
  outbox_.Add(OutItem::Message(std::move(item), OutItem::Kind::kTransient));
  Pump(NowMs());
}

void Agent::Close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  Cancel();
}

void Agent::WaitClosed() {
  std::unique_lock lock(mutex_);
  stream_ended_.wait(lock, [this] { return closed_ && stream_ == nullptr; });
  channel_.reset();  // here, because the last reference to the agent may go in a gRPC thread
}

absl::Status Agent::Receive(sims::Inbound inbound) {
  sims::AgentItem item;
  *item.mutable_inbound() = std::move(inbound);
  std::lock_guard lock(mutex_);
  if (banned_) return absl::FailedPreconditionError("the SIM is banned");
  if (outbox_.queued() + outbox_.unacked_items() >= kMostQueued) {
    return absl::ResourceExhaustedError("too much waits for the gateway");
  }
  outbox_.Add(OutItem::Message(std::move(item)));
  ++world_.counters.inbound;
  Pump(NowMs());
  return absl::OkStatus();
}

void Agent::GiveReceipts(const std::vector<PhoneReceipt>& receipts) {
  const int64_t now_ms = NowMs();
  std::lock_guard lock(mutex_);
  for (const PhoneReceipt& receipt : receipts) {
    if (receipt.agent != id_) continue;
    outbox_.Add(OutItem::Receipt(receipt.key, receipt.state, now_ms));
    ++world_.counters.receipts_sent;
  }
  Pump(now_ms);
}

void Agent::GiveMembership(sims::GroupMembership membership) {
  sims::AgentItem item;
  *item.mutable_group() = std::move(membership);
  std::lock_guard lock(mutex_);
  outbox_.Add(OutItem::Message(std::move(item)));
  Pump(NowMs());
}

void Agent::ReleaseDueReceipts(int64_t now_ms) {
  while (!later_.empty() && later_.top().due_ms <= now_ms) {
    const LaterReceipt receipt = later_.top();
    later_.pop();
    if (receipt.state == sims::RECEIPT_STATE_READ &&
        !world_.phones.MayRead(*receipt.phone, id_, receipt.key)) {
      continue;
    }
    outbox_.Add(OutItem::Receipt(receipt.key, receipt.state, receipt.due_ms));
    ++world_.counters.receipts_sent;
  }
}

void Agent::Pump(int64_t now_ms) {
  if (welcomed_ && !reads_ended_ && !writing_) {
    const bool ack_due = ack_due_ms_ != 0 && now_ms >= ack_due_ms_;
    if (outbox_.CanSend() || ack_due || now_ms >= beat_due_ms_) {
      sims::AgentFrame* frame = stream_->NewFrame();
      frame->set_ack(peer_seq_);
      const int results = outbox_.Fill(frame);
      in_flight_ = std::max<int64_t>(0, in_flight_ - results);
      ack_due_ms_ = 0;
      beat_due_ms_ = now_ms + heartbeat_ms_ / 3;
      writing_ = true;
      stream_->Send();
    }
  }
  UpdateDue();
}

void Agent::UpdateDue() {
  int64_t due = kNever;
  if (stream_ == nullptr && online_ && !closed_) due = retry_due_ms_;
  if (welcomed_ && !reads_ended_ && !writing_) {
    due = std::min(due, beat_due_ms_);
    if (ack_due_ms_ != 0) due = std::min(due, ack_due_ms_);
  }
  if (!later_.empty()) due = std::min(due, later_.top().due_ms);
  due_ms_.store(due, std::memory_order_relaxed);
}

void Agent::OnWritten(bool ok) {
  std::lock_guard lock(mutex_);
  writing_ = !ok;  // after a failed write the stream only ends
  Pump(NowMs());
}

void Agent::OnReadsEnded() {
  std::lock_guard lock(mutex_);
  reads_ended_ = true;
}

void Agent::OnClosed(const grpc::Status& status) {
  std::lock_guard lock(mutex_);
  stream_ = nullptr;
  failures_ = welcomed_ ? 0 : failures_ + 1;
  welcomed_ = false;
  last_error_ = absl::StrCat(status.error_code(), ": ", status.error_message());
  world_.counters.replayed += static_cast<int64_t>(outbox_.Rewind());
  retry_due_ms_ = NowMs() + Backoff(failures_, world_.seed, id_);
  UpdateDue();
  stream_ended_.notify_all();
}

}  // namespace mo::simulator
