// What the ledger is asked to change, and what became of it.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "messageorganizer/sims/v1/device.pb.h"
#include "services/sims/status_bytes.h"

namespace mo::sims {

namespace v1 = messageorganizer::sims::v1;

// Recipients of one dispatch that are about to be attempted.
struct Window {
  int64_t dispatch_id = 0;
  std::vector<int> indices;          // into the dispatch's recipients
  std::vector<int64_t> contact_ids;  // of these
  bool resend = false;  // were attempted under an earlier lease, at an idempotent device
  bool ignore_suppression = false;
  absl::Time expire_time = absl::InfinitePast();  // InfinitePast: never
};

// A recipient's new standing.
struct Transition {
  int64_t key = 0;  // DeliveryKey
  Standing standing;
};

// What became of a work.
struct LedgerOutcome {
  // OK: committed. LEASE_LOST, LEDGER_REFUSED or the process stops: nothing of it was done.
  absl::Status status;
  // For each window, the indices that are now ATTEMPTING and must be sent.
  std::vector<std::vector<int>> opened;
  // Dispatches of windows that are paused: nothing of them was opened.
  std::vector<int64_t> paused;
};

// What one agent's frame, or one request for windows, changes; committed as a whole.
struct LedgerWork {
  int64_t account_id = 0;
  int64_t sim_id = 0;
  int64_t epoch = 0;
  std::vector<Window> windows;
  std::vector<Transition> transitions;
  std::vector<v1::Inbound> inbound;
  std::vector<v1::GroupMembership> groups;
  common::Network network = common::NETWORK_UNSPECIFIED;
  // Windows of interactive messages: not behind those of broadcasts.
  bool urgent = false;
  // May wait some milliseconds for others: results that nobody waits for.
  bool patient = false;
  // Runs on a commit thread, in the order of the SIM's works that are as urgent. Must not block.
  std::function<void(const LedgerOutcome&)> done;
};

}  // namespace mo::sims
