#include "services/sims/agent_frames.h"

#include "absl/strings/str_cat.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "libs/runtime/validate.h"

namespace mo::sims {
namespace {

// The consequence of each outcome, written once (PROTOCOLS.md §5.2).
Standing StandingOf(v1::SendOutcome outcome) {
  switch (outcome) {
    case v1::SEND_OUTCOME_ACCEPTED:
      return {common::DELIVERY_STATE_ACCEPTED, common::DELIVERY_REASON_UNSPECIFIED};
    case v1::SEND_OUTCOME_THROTTLED:
      return {common::DELIVERY_STATE_QUEUED, common::DELIVERY_REASON_UNSPECIFIED};
    case v1::SEND_OUTCOME_ADDRESS_INVALID:
      return {common::DELIVERY_STATE_FAILED, common::DELIVERY_REASON_ADDRESS_INVALID};
    case v1::SEND_OUTCOME_BLOCKED:
      return {common::DELIVERY_STATE_FAILED, common::DELIVERY_REASON_BLOCKED};
    case v1::SEND_OUTCOME_MESSAGE_REFUSED:
      return {common::DELIVERY_STATE_FAILED, common::DELIVERY_REASON_MESSAGE_REFUSED};
    case v1::SEND_OUTCOME_EXPIRED:
      return {common::DELIVERY_STATE_FAILED, common::DELIVERY_REASON_EXPIRED};
    default:
      return {common::DELIVERY_STATE_FAILED, common::DELIVERY_REASON_PROVIDER};
  }
}

Standing StandingOf(v1::ReceiptState state) {
  switch (state) {
    case v1::RECEIPT_STATE_SENT:
      return {common::DELIVERY_STATE_SENT, common::DELIVERY_REASON_UNSPECIFIED};
    case v1::RECEIPT_STATE_DELIVERED:
      return {common::DELIVERY_STATE_DELIVERED, common::DELIVERY_REASON_UNSPECIFIED};
    case v1::RECEIPT_STATE_READ:
      return {common::DELIVERY_STATE_READ, common::DELIVERY_REASON_UNSPECIFIED};
    case v1::RECEIPT_STATE_FAILED:
      return {common::DELIVERY_STATE_FAILED, common::DELIVERY_REASON_PROVIDER};
    default:
      return {common::DELIVERY_STATE_UNSPECIFIED, common::DELIVERY_REASON_UNSPECIFIED};
  }
}

// Whether a message can be told from others and answered; one that cannot is dropped, for it would
// be so for ever.
bool IsUsable(const v1::Inbound& inbound) {
  const bool usable = !inbound.provider_message_id().empty() &&
                      inbound.provider_message_id().size() <= 256 &&
                      !inbound.sender_address().empty() && inbound.sender_address().size() <= 256 &&
                      inbound.provider_message_id().find('\0') == std::string::npos &&
                      inbound.sender_address().find('\0') == std::string::npos;
  if (!usable) Log(LogLevel::kWarning, "inbound message without usable id or sender dropped");
  return usable;
}

}  // namespace

absl::Status CheckFrame(const v1::AgentFrame& frame, int64_t last_seq) {
  if (frame.seq() != last_seq + 1) {
    return absl::InvalidArgumentError(absl::StrCat("seq ", frame.seq(), " follows ", last_seq));
  }
  if (frame.items_size() > 1000)
    return absl::InvalidArgumentError("more than 1000 items in a frame");
  for (const v1::AgentItem& item : frame.items()) {
    // Results and receipts are numbers only, and most of the traffic. Inbound messages are never
    // refused: what the network let through must not stop a stream for ever.
    if (item.has_receipt() || item.has_result() || item.has_inbound()) continue;
    MO_RETURN_IF_ERROR(Validate(item));
  }
  return absl::OkStatus();
}

FrameContent SortFrame(const v1::AgentFrame& frame,
                       absl::FunctionRef<bool(int64_t key)> may_throttle) {
  FrameContent content;
  for (const v1::AgentItem& item : frame.items()) {
    switch (item.kind_case()) {
      case v1::AgentItem::kResult:
        if (item.result().outcome() == v1::SEND_OUTCOME_THROTTLED &&
            !may_throttle(item.result().client_message_id())) {
          break;
        }
        content.results.push_back(item.result());
        content.transitions.push_back(
            {item.result().client_message_id(), StandingOf(item.result().outcome())});
        break;
      case v1::AgentItem::kReceipt:
        content.transitions.push_back(
            {item.receipt().client_message_id(), StandingOf(item.receipt().state())});
        break;
      case v1::AgentItem::kInbound:
        if (IsUsable(item.inbound())) content.inbound.push_back(item.inbound());
        break;
      case v1::AgentItem::kGroup:
        content.groups.push_back(item.group());
        break;
      case v1::AgentItem::kHello:
        content.groups.insert(content.groups.end(), item.hello().groups().begin(),
                              item.hello().groups().end());
        break;
      case v1::AgentItem::kCredit:
        content.credits.push_back(item.credit());
        break;
      case v1::AgentItem::kJoinResult:
        content.joins.push_back(item.join_result());
        break;
      default:
        break;
    }
  }
  return content;
}

}  // namespace mo::sims
