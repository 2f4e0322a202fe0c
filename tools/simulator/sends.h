// From a SendBatch to outcomes and receipts: the hot path.
#pragma once

#include <cstdint>
#include <queue>
#include <vector>

#include "tools/simulator/keys.h"
#include "tools/simulator/outbox.h"
#include "tools/simulator/world.h"

namespace mo::simulator {

// A receipt that is not due yet.
struct LaterReceipt {
  int64_t due_ms = 0;
  uint64_t order = 0;  // equal due times keep their order
  int64_t key = 0;
  Phone* phone = nullptr;
  sims::ReceiptState state = {};

  // For a heap whose top is what is due first.
  bool operator<(const LaterReceipt& other) const {
    return due_ms != other.due_ms ? due_ms > other.due_ms : order > other.order;
  }
};

using LaterReceipts = std::priority_queue<LaterReceipt>;

// What one agent makes of the messages it is given. Under the agent's lock.
class Sends {
 public:
  // `spec` and `world` must outlive it. `agent` is the agent's number in the world.
  Sends(uint32_t agent, const AgentSpec& spec, World& world);

  // Answers every message of the batch: results and receipts that are due go to `now`, the others
  // to `later`.
  void Process(const sims::SendBatch& batch, bool banned, Outbox* now, LaterReceipts* later);

 private:
  // What is the same for all messages of a batch, and their tallies, added to the world's at the
  // end.
  struct Run {
    const sims::SendBatch& batch;
    const Settings& settings;
    sims::SendOutcome forced;  // the outcome of every message, if not UNSPECIFIED
    int64_t now_ms;
    Outbox* now;
    LaterReceipts* later;
    int64_t accepted = 0, refused = 0, repeated = 0, dropped = 0, receipts = 0;
  };

  void ProcessOne(const sims::SendMessage& message, Phone* phone, Run* run);
  Arrival Decide(const sims::SendMessage& message, Phone* phone, const Run& run);
  void GiveReceipts(const Arrival& arrival, int64_t key, Phone* phone, Run* run);

  const uint32_t agent_;
  const AgentSpec& spec_;
  World& world_;
  AnsweredKeys answered_;
  uint64_t draws_ = 0;  // a message sent again is throttled anew, not forever
  uint64_t order_ = 0;
  std::vector<Phone*> phones_;
};

}  // namespace mo::simulator
