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

// What a message failed for may be the recipient's wish.
void AddWish(const ReceiptEvent& receipt, LedgerWork& work) {
  if (receipt.state != common::DELIVERY_STATE_FAILED ||
      ConsequenceOf(receipt.error).contact != ContactFate::kOptOut ||
      !IsStorableName(receipt.address)) {
    return;
  }
  work.consents.push_back({receipt.address, /*stopped=*/true, /*marketing=*/false, receipt.time});
}

// What is told of contacts; how many were left out.
int AddNotices(const SimDriver& sim, size_t first, const SenderEvents& events,
               std::vector<LedgerWork>& works) {
  int left_out = 0;
  for (const ConsentEvent& event : events.consents) {
    if (IsStorableName(event.address)) {
      Room(sim, first, works)
          .consents.push_back({event.address, event.stopped, event.marketing, event.time});
    } else {
      ++left_out;
    }
  }
  for (const MovedEvent& event : events.moved) {
    if (IsStorableName(event.old_address) && IsStorableName(event.new_address)) {
      Room(sim, first, works).moved.push_back({event.old_address, event.new_address});
    } else {
      ++left_out;
    }
  }
  return left_out;
}

// False: it was left out. `named`: other receipts go by the provider's names.
bool AddReceipt(const ReceiptEvent& receipt, bool named, LedgerWork& work) {
  AddWish(receipt, work);
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

int AddWorks(const SimDriver& sim, const SenderEvents& events, std::vector<LedgerWork>& works,
             std::vector<AwaitedFile>& files) {
  const size_t first = works.size();
  int left_out = 0;
  for (const InboundMessage& inbound : events.inbound) {
    v1::Inbound message = inbound.message;
    message.set_start_payload(inbound.start_payload);
    // What others put into a link must not lose the message.
    if (!IsStorable(message)) message.clear_start_payload();
    if (!IsStorable(message)) {
      ++left_out;
      continue;
    }
    std::vector<v1::Inbound>& messages = Room(sim, first, works).inbound;
    messages.push_back(std::move(message));
    if (inbound.media && messages.back().content().has_media())
      files.push_back({works.size() - 1, messages.size() - 1, *inbound.media});
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
  return left_out + AddNotices(sim, first, events, works);
}

void PutFile(const BroughtFile& brought, v1::Inbound& message) {
  common::Media& media = *message.mutable_content()->mutable_media();
  media.set_media_id(brought.media_id);
  media.set_problem(brought.problem);
  if (brought.size_bytes != 0) media.set_size_bytes(brought.size_bytes);
  // What the network has stated stays.
  if (media.mime_type().empty()) media.set_mime_type(brought.mime_type);
}

size_t UpdatesIn(const LedgerWork& work) {
  return work.transitions.size() + work.inbound.size() + work.groups.size() + work.receipts.size() +
         work.watermarks.size() + work.consents.size() + work.moved.size();
}

}  // namespace mo::sims
