// What the ledger is asked to change, and what became of it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
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
  // Their addresses, where the network lets us write freely only for so long after a contact's
  // message: others are skipped. Empty: it always does, or this is a template.
  std::vector<std::string> reply_addresses;
  // How long after that time these may still be sent.
  absl::Duration reply_grace;
  bool resend = false;  // were attempted under an earlier lease, at an idempotent device
  bool ignore_suppression = false;
  absl::Time expire_time = absl::InfinitePast();  // InfinitePast: never
};

// A recipient's new standing.
struct Transition {
  int64_t key = 0;  // DeliveryKey
  Standing standing;
};

// What a provider calls a message that it has taken, where its receipts do not carry our key.
struct ProviderName {
  std::string provider_message_id;
  int64_t key = 0;  // DeliveryKey
  // The recipient and when the message left, where receipts hold for all that was sent to an
  // address until then; "" where there are none such.
  std::string address;
  absl::Time send_time;
};

// What has become of a message, by its name at the provider.
struct NamedReceipt {
  std::string provider_message_id;
  Standing standing;
};

// All that was sent to an address until then is DELIVERED or READ.
struct Watermark {
  std::string address;
  common::DeliveryState state = common::DELIVERY_STATE_DELIVERED;
  absl::Time until;
};

// What somebody wants of us, as the network tells it.
struct ConsentNotice {
  std::string address;
  bool stopped = false;    // else: wants messages again
  bool marketing = false;  // only such
  absl::Time time;
};

// Somebody, or a group, goes by another address from now on.
struct MoveNotice {
  std::string old_address;
  std::string new_address;
};

// In the place of a lease's epoch: what a provider has told, whoever drives the SIM. Such works
// open no windows.
inline constexpr int64_t kNoLease = -1;

// What became of a work.
struct LedgerOutcome {
  // OK: committed. LEASE_LOST, LEDGER_REFUSED or the process stops: nothing of it was done.
  absl::Status status;
  // For each window, the indices that are now ATTEMPTING and must be sent.
  std::vector<std::vector<int>> opened;
  // Dispatches of windows that are paused: nothing of them was opened.
  std::vector<int64_t> paused;
};

// What one agent's frame, a provider's callback or one request for windows changes; committed as a
// whole.
struct LedgerWork {
  int64_t account_id = 0;
  int64_t sim_id = 0;
  int64_t epoch = 0;
  std::vector<Window> windows;
  std::vector<Transition> transitions;
  std::vector<v1::Inbound> inbound;
  std::vector<v1::GroupMembership> groups;
  std::vector<ProviderName> names;
  std::vector<NamedReceipt> receipts;
  std::vector<Watermark> watermarks;
  std::vector<ConsentNotice> consents;
  std::vector<MoveNotice> moved;
  common::Network network = common::NETWORK_UNSPECIFIED;
  // How long a message that came in lets us write to its sender; zero: the network has no such
  // limit.
  absl::Duration reply_window;
  // Windows of interactive messages: not behind those of broadcasts.
  bool urgent = false;
  // May wait some milliseconds for others: results that nobody waits for.
  bool patient = false;
  // Runs on a commit thread, in the order of the SIM's works that are as urgent. Must not block.
  std::function<void(const LedgerOutcome&)> done;
};

}  // namespace mo::sims
