// What an agent has to say: in order, kept until the gateway has acked it, said again after a
// reconnect.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "messageorganizer/sims/v1/device.pb.h"

namespace mo::simulator {

// One item, small because there are many: results and receipts are a few numbers, all else is a
// message.
struct OutItem {
  enum class Kind : uint8_t {
    kResult,     // value is a SendOutcome
    kReceipt,    // value is a ReceiptState
    kOther,      // message
    kTransient,  // message that means nothing on another stream: not said again
  };
  int64_t key = 0;
  int64_t time_ms = 0;
  Kind kind = Kind::kOther;
  uint8_t value = 0;
  int32_t retry_after_ms = 0;
  std::unique_ptr<messageorganizer::sims::v1::AgentItem> message;

  static OutItem Result(int64_t key, messageorganizer::sims::v1::SendOutcome outcome,
                        int64_t retry_after_ms = 0);
  static OutItem Receipt(int64_t key, messageorganizer::sims::v1::ReceiptState state,
                         int64_t time_ms);
  static OutItem Message(messageorganizer::sims::v1::AgentItem item, Kind kind = Kind::kOther);
};

// The id under which the network knows an accepted message; the same for every answer to a key.
std::string ProviderMessageId(int64_t client_message_id);

// A FIFO, so that a message's result goes before its receipts. At most `window` frames with items
// are unacked; beyond that items wait, results among them, so the gateway's credit bounds the
// whole. Not thread-safe.
class Outbox {
 public:
  static constexpr size_t kWindow = 512;
  static constexpr int kMaxItems = 1000;
  static constexpr size_t kMaxBytes = 900 << 10;

  explicit Outbox(size_t window = kWindow) : window_(window) {}

  void Add(OutItem item) { queue_.push_back(std::move(item)); }

  // Whether the next frame would carry items.
  bool CanSend() const { return !queue_.empty() && unacked_.size() < window_; }

  // The number of the next frame, for one that is not filled from here (the Hello).
  int64_t NextSeq() { return ++seq_; }

  // Fills the next frame (sequence number, items if any may go) and returns how many results it
  // holds.
  int Fill(messageorganizer::sims::v1::AgentFrame* frame);

  // Forgets what frames up to `seq` held. False when no such frame was sent.
  bool Ack(int64_t seq);

  // A new stream: frames count from 1 again, all that is unacked goes first. Returns how many items
  // that is.
  size_t Rewind();

  size_t queued() const { return queue_.size(); }
  size_t unacked_items() const { return unacked_items_; }

 private:
  struct Sent {
    int64_t seq;
    std::vector<OutItem> items;
  };

  const size_t window_;
  int64_t seq_ = 0;
  std::deque<OutItem> queue_;
  std::deque<Sent> unacked_;
  size_t unacked_items_ = 0;
};

}  // namespace mo::simulator
