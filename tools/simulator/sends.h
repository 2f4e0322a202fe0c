// From a SendBatch to outcomes and receipts: the hot path.
#pragma once

#include <cstdint>
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

// What one agent makes of the messages it is given. One thread at a time (the stream's reader).
class Sends {
 public:
  // `spec` and `world` must outlive it. `agent` is the agent's number in the world.
  Sends(uint32_t agent, const AgentSpec& spec, World& world);

  // Answers every message of the batch: results and receipts that are due go to `now`, the others to `later`.
  void Process(const sims::SendBatch& batch, bool banned, std::vector<OutItem>* now,
               std::vector<LaterReceipt>* later);

 private:
  // The tallies of one batch, added to the world's at its end.
  struct Tally {
    int64_t accepted = 0, refused = 0, repeated = 0, dropped = 0, receipts = 0;
  };

  void ProcessOne(const sims::SendBatch& batch, const sims::SendMessage& message, Phone* phone,
                  const Settings& settings, sims::SendOutcome forced, Tally* tally,
                  std::vector<OutItem>* now, std::vector<LaterReceipt>* later);
  Arrival Decide(const sims::SendBatch& batch, const sims::SendMessage& message, Phone* phone,
                 const Settings& settings, sims::SendOutcome forced);
  void GiveReceipts(const Arrival& arrival, int64_t key, Phone* phone, const Faults& faults,
                    Tally* tally, std::vector<OutItem>* now, std::vector<LaterReceipt>* later);

  const uint32_t agent_;
  const AgentSpec& spec_;
  World& world_;
  AnsweredKeys answered_;
  uint64_t draws_ = 0;  // a message sent again is throttled anew, not forever
  uint64_t order_ = 0;
  int64_t now_ms_ = 0;
  std::vector<Phone*> phones_;
};

}  // namespace mo::simulator
