#include "tools/simulator/outbox.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace mo::simulator {

namespace sims = messageorganizer::sims::v1;

OutItem OutItem::Result(int64_t key, sims::SendOutcome outcome, int64_t retry_after_ms) {
  OutItem item;
  item.key = key;
  item.kind = Kind::kResult;
  item.value = static_cast<uint8_t>(outcome);
  item.retry_after_ms = static_cast<int32_t>(retry_after_ms);
  return item;
}

OutItem OutItem::Receipt(int64_t key, sims::ReceiptState state, int64_t time_ms) {
  OutItem item;
  item.key = key;
  item.time_ms = time_ms;
  item.kind = Kind::kReceipt;
  item.value = static_cast<uint8_t>(state);
  return item;
}

OutItem OutItem::Message(sims::AgentItem item, Kind kind) {
  OutItem result;
  result.kind = kind;
  result.message = std::make_unique<sims::AgentItem>(std::move(item));
  return result;
}

std::string ProviderMessageId(int64_t client_message_id) {
  return absl::StrCat("out-", absl::Hex(static_cast<uint64_t>(client_message_id)));
}

namespace {

void Encode(const OutItem& item, sims::AgentItem* out) {
  switch (item.kind) {
    case OutItem::Kind::kResult: {
      sims::SendResult& result = *out->mutable_result();
      result.set_client_message_id(item.key);
      result.set_outcome(static_cast<sims::SendOutcome>(item.value));
      result.set_retry_after_ms(item.retry_after_ms);
      if (result.outcome() == sims::SEND_OUTCOME_ACCEPTED) {
        result.set_provider_message_id(ProviderMessageId(item.key));
      }
      return;
    }
    case OutItem::Kind::kReceipt: {
      sims::Receipt& receipt = *out->mutable_receipt();
      receipt.set_client_message_id(item.key);
      receipt.set_state(static_cast<sims::ReceiptState>(item.value));
      receipt.mutable_time()->set_seconds(item.time_ms / 1000);
      receipt.mutable_time()->set_nanos(static_cast<int32_t>(item.time_ms % 1000) * 1'000'000);
      return;
    }
    case OutItem::Kind::kOther:
    case OutItem::Kind::kTransient:
      *out = *item.message;
      return;
  }
}

}  // namespace

int Outbox::Fill(sims::AgentFrame* frame) {
  frame->set_seq(NextSeq());
  if (!CanSend()) return 0;
  const size_t most = std::min<size_t>(queue_.size(), kMaxItems);
  frame->mutable_items()->Reserve(static_cast<int>(most));
  Sent& sent = unacked_.emplace_back(Sent{seq_, {}});
  sent.items.reserve(most);
  int results = 0;
  size_t bytes = 0;
  while (!queue_.empty() && sent.items.size() < most) {
    OutItem& item = queue_.front();
    bytes += item.message ? item.message->ByteSizeLong() + 8 : 64;
    if (bytes > kMaxBytes && !sent.items.empty()) break;
    if (item.kind == OutItem::Kind::kResult) ++results;
    Encode(item, frame->add_items());
    sent.items.push_back(std::move(item));
    queue_.pop_front();
  }
  unacked_items_ += sent.items.size();
  return results;
}

bool Outbox::Ack(int64_t seq) {
  if (seq < 0 || seq > seq_) return false;
  while (!unacked_.empty() && unacked_.front().seq <= seq) {
    unacked_items_ -= unacked_.front().items.size();
    unacked_.pop_front();
  }
  return true;
}

size_t Outbox::Rewind() {
  seq_ = 0;
  const size_t before = queue_.size();
  for (; !unacked_.empty(); unacked_.pop_back()) {
    std::vector<OutItem>& items = unacked_.back().items;
    for (auto item = items.rbegin(); item != items.rend(); ++item) {
      if (item->kind != OutItem::Kind::kTransient) queue_.push_front(std::move(*item));
    }
  }
  unacked_items_ = 0;
  return queue_.size() - before;
}

}  // namespace mo::simulator
