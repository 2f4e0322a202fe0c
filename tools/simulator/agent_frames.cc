// What an agent does with the gateway's frames.
#include <utility>

#include "tools/simulator/agent.h"

namespace mo::simulator {

namespace {

// Well within the 100 ms the gateway may count on; a frame with items takes the ack along earlier.
constexpr int64_t kAckDelayMs = 40;

}  // namespace

bool Agent::Welcomed(const sims::GatewayItem& item) {
  if (welcomed_ || !item.has_welcome() || item.welcome().heartbeat_ms() <= 0) return false;
  welcomed_ = true;
  lease_epoch_ = item.welcome().lease_epoch();
  heartbeat_ms_ = item.welcome().heartbeat_ms();
  beat_due_ms_ = NowMs() + heartbeat_ms_ / 3;
  ++attaches_;
  ++world_.counters.attaches;
  AddState();
  return true;
}

// Checks a frame against the contract and takes its ack.
bool Agent::Begin(const sims::GatewayFrame& frame, bool* banned) {
  absl::MutexLock lock(&mutex_);
  *banned = banned_;
  if (frame.seq() != peer_seq_ + 1) return false;
  if (!welcomed_ && (frame.items().empty() || !Welcomed(frame.items(0)))) return false;
  // The Hello is frame 1 of every stream and nothing else is sent before the Welcome.
  return outbox_.Ack(frame.ack());
}

bool Agent::OnFrame(AttachStream* stream, const sims::GatewayFrame& frame) {
  bool banned = false;
  if (!Begin(frame, &banned)) {
    ++world_.counters.protocol_errors;
    return false;
  }
  Effects effects;
  for (const sims::GatewayItem& item : frame.items()) Perform(item, banned, &effects);

  absl::MutexLock lock(&mutex_);
  if (stream != stream_) return true;
  peer_seq_ = frame.seq();
  const int64_t now_ms = NowMs();
  // Empty frames are acked with the next one: acks must not chase each other.
  if (!frame.items().empty() && ack_due_ms_ == 0) ack_due_ms_ = now_ms + kAckDelayMs;
  in_flight_ += effects.sends;
  if (in_flight_ > credit_ && effects.sends > 0) ++world_.counters.credit_violations;
  for (OutItem& item : effects.items) outbox_.Add(std::move(item));
  for (LaterReceipt& receipt : effects.later) later_.push(receipt);
  Pump(now_ms);
  return true;
}

void Agent::Perform(const sims::GatewayItem& item, bool banned, Effects* effects) {
  switch (item.kind_case()) {
    case sims::GatewayItem::kSend:
      effects->sends += item.send().messages_size();
      sends_.Process(item.send(), banned, &effects->items, &effects->later);
      return;
    case sims::GatewayItem::kJoinGroup:
      return JoinGroup(item.join_group(), effects);
    case sims::GatewayItem::kLeaveGroup:
      return LeaveGroup(item.leave_group(), effects);
    case sims::GatewayItem::kWelcome:
    case sims::GatewayItem::KIND_NOT_SET:
      return;
  }
}

void Agent::JoinGroup(const sims::JoinGroupCommand& command, Effects* effects) {
  sims::GroupMembership joined;
  sims::AgentItem answer;
  answer.mutable_join_result()->set_request_id(command.request_id());
  const sims::JoinOutcome outcome =
      world_.groups.Join(spec_.network, command.invite_link(), spec_.address, &joined);
  answer.mutable_join_result()->set_outcome(outcome);
  effects->items.push_back(OutItem::Message(std::move(answer)));
  if (outcome != sims::JOIN_OUTCOME_JOINED) return;
  sims::AgentItem membership;
  *membership.mutable_group() = std::move(joined);
  effects->items.push_back(OutItem::Message(std::move(membership)));
}

void Agent::LeaveGroup(const sims::LeaveGroupCommand& command, Effects* effects) {
  const auto changed =
      world_.groups.SetMember(spec_.network, command.group_id(), spec_.address, false);
  if (!changed.ok()) return;  // a group that does not exist has no members
  sims::AgentItem left;
  *left.mutable_group() = world_.groups.Describe(spec_.network, command.group_id(), true);
  effects->items.push_back(OutItem::Message(std::move(left)));
}

}  // namespace mo::simulator
