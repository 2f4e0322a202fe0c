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

bool Agent::Check(const sims::GatewayFrame& frame) {
  if (frame.seq() != peer_seq_ + 1) return false;
  if (!welcomed_ && (frame.items().empty() || !Welcomed(frame.items(0)))) return false;
  return outbox_.Ack(frame.ack());
}

// One lock over the whole frame: a phone that acts meanwhile (comes online, reads) is reported
// after the results.
bool Agent::OnFrame(const sims::GatewayFrame& frame) {
  std::lock_guard lock(mutex_);
  if (!Check(frame)) {
    ++world_.counters.protocol_errors;
    return false;
  }
  for (const sims::GatewayItem& item : frame.items()) Perform(item);
  peer_seq_ = frame.seq();
  const int64_t now_ms = NowMs();
  // Empty frames are acked with the next one: acks must not chase each other.
  if (!frame.items().empty() && ack_due_ms_ == 0) ack_due_ms_ = now_ms + kAckDelayMs;
  Pump(now_ms);
  return true;
}

void Agent::Perform(const sims::GatewayItem& item) {
  switch (item.kind_case()) {
    case sims::GatewayItem::kSend:
      return Send(item.send());
    case sims::GatewayItem::kJoinGroup:
      return JoinGroup(item.join_group());
    case sims::GatewayItem::kLeaveGroup:
      return LeaveGroup(item.leave_group());
    case sims::GatewayItem::kWelcome:
    case sims::GatewayItem::KIND_NOT_SET:
      return;
  }
}

void Agent::Send(const sims::SendBatch& batch) {
  in_flight_ += batch.messages_size();
  if (in_flight_ > credit_) ++world_.counters.credit_violations;
  sends_.Process(batch, banned_, &outbox_, &later_);
}

void Agent::JoinGroup(const sims::JoinGroupCommand& command) {
  sims::GroupMembership joined;
  sims::AgentItem answer;
  answer.mutable_join_result()->set_request_id(command.request_id());
  const sims::JoinOutcome outcome =
      world_.groups.Join(spec_.network, command.invite_link(), spec_.address, &joined);
  answer.mutable_join_result()->set_outcome(outcome);
  outbox_.Add(OutItem::Message(std::move(answer)));
  if (outcome != sims::JOIN_OUTCOME_JOINED) return;
  sims::AgentItem membership;
  *membership.mutable_group() = std::move(joined);
  outbox_.Add(OutItem::Message(std::move(membership)));
}

void Agent::LeaveGroup(const sims::LeaveGroupCommand& command) {
  const auto changed =
      world_.groups.SetMember(spec_.network, command.group_id(), spec_.address, false);
  if (!changed.ok()) return;  // a group that does not exist has no members
  sims::AgentItem left;
  *left.mutable_group() = world_.groups.Describe(spec_.network, command.group_id(), true);
  outbox_.Add(OutItem::Message(std::move(left)));
}

}  // namespace mo::simulator
