#include "services/sims/callback_work.h"

#include "libs/runtime/validate.h"
#include "services/sims/drivers/consequences.h"

namespace mo::sims {
namespace {

constexpr size_t kUpdates = 1000;

// The last work, or a new one when that is full.
LedgerWork& Room(const SimDriver& sim, size_t first, std::vector<LedgerWork>& works) {
  if (works.size() == first || UpdatesIn(works.back()) >= kUpdates) {
    LedgerWork work;
    work.account_id = sim.account_id;
    work.sim_id = sim.sim_id;
    work.epoch = kNoLease;
    work.network = sim.network;
    work.reply_window = sim.reply_window;
    works.push_back(std::move(work));
  }
  return works.back();
}

Standing StandingOf(const ReceiptEvent& receipt) {
  Standing standing{receipt.state, common::DELIVERY_REASON_UNSPECIFIED};
  if (receipt.state == common::DELIVERY_STATE_FAILED) {
    standing.reason = ConsequenceOf(receipt.error).reason;
    if (standing.reason == common::DELIVERY_REASON_UNSPECIFIED)
      standing.reason = common::DELIVERY_REASON_PROVIDER;
  }
  return standing;
}

// Whether it can be stored, and sent on in an event.
bool IsStorable(const google::protobuf::Message& message) {
  if (!Validate(message).ok()) return false;
  std::unique_ptr<google::protobuf::Message> again(message.New());
  return again->ParseFromString(message.SerializeAsString());  // refuses what is no UTF-8
}

bool IsStorableName(const std::string& name) {
  v1::GroupMembership group;  // whose names have the same limits
  group.set_group_id(name);
  return IsStorable(group);
}

// False: it was left out. `named`: other receipts go by the provider's names.
bool AddReceipt(const ReceiptEvent& receipt, bool named, LedgerWork& work) {
  if (receipt.watermark) {
    if (!IsStorableName(receipt.address)) return false;
    work.watermarks.push_back({receipt.address, receipt.state, *receipt.watermark});
  } else if (receipt.key != 0) {
    work.transitions.push_back({receipt.key, StandingOf(receipt)});
    // Receipts to come name it so; whoever sent it may not have heard that name.
    if (named && IsStorableName(receipt.provider_id) && IsStorableName(receipt.address))
      work.names.push_back({receipt.provider_id, receipt.key, receipt.address, receipt.time});
  } else {
    if (!IsStorableName(receipt.provider_id)) return false;
    work.receipts.push_back({receipt.provider_id, StandingOf(receipt)});
  }
  return true;
}

}  // namespace

int AddWorks(const SimDriver& sim, const SenderEvents& events, std::vector<LedgerWork>& works) {
  const size_t first = works.size();
  int left_out = 0;
  for (const InboundMessage& inbound : events.inbound) {
    v1::Inbound message = inbound.message;
    message.set_start_payload(inbound.start_payload);
    // What others put into a link must not lose the message.
    if (!IsStorable(message)) message.clear_start_payload();
    if (IsStorable(message)) {
      Room(sim, first, works).inbound.push_back(std::move(message));
    } else {
      ++left_out;
    }
  }
  for (const ReceiptEvent& receipt : events.receipts) {
    if (sim.receipts_by_key && receipt.key == 0 && !receipt.watermark) {
      ++left_out;
    } else if (!AddReceipt(receipt, !sim.receipts_by_key, Room(sim, first, works))) {
      ++left_out;
    }
  }
  for (const v1::GroupMembership& group : events.groups) {
    if (IsStorable(group)) {
      Room(sim, first, works).groups.push_back(group);
    } else {
      ++left_out;
    }
  }
  return left_out;
}

size_t UpdatesIn(const LedgerWork& work) {
  return work.transitions.size() + work.inbound.size() + work.groups.size() + work.receipts.size() +
         work.watermarks.size();
}

}  // namespace mo::sims
