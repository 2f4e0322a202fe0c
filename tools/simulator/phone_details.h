// What an ordinary phone does without; private to the phone book.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tools/simulator/phones.h"

namespace mo::simulator {

// Exists once something about a phone is not ordinary, or when it keeps messages.
struct PhoneDetails {
  // Accepted while the phone was offline, or a READ that was due then.
  struct Waiting {
    uint32_t agent;
    int64_t key;
    int64_t once;    // as in Arriving
    bool arrived;    // only the READ is missing
    uint8_t stages;  // receipts to give, as Arrival::stages
    KeptMessage message;
  };
  std::string name, phone;
  std::vector<std::string> blocked;  // addresses of SIMs
  std::unique_ptr<ReceiptPolicy> policy;
  std::vector<KeptMessage> inbox;
  std::vector<std::pair<uint32_t, int64_t>> unread;  // agent, key
  std::vector<Waiting> waiting;
};

}  // namespace mo::simulator
