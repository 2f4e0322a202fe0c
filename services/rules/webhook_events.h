// The events that webhooks get: each is queued once, with the next number of its webhook.
#pragma once

#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "messageorganizer/rules/v1/webhooks.pb.h"
#include "services/rules/forward_queue.h"

namespace mo::rules {

// How long a delivery is tried, and kept.
constexpr absl::Duration kKeepDeliveries = absl::Hours(30 * 24);

// What deliveries of a webhook share a limit and a breaker by.
std::string DestinationOf(int64_t account_id, const v1::Webhook& webhook);
// Whether a webhook wants events of a name.
bool IsWanted(const v1::Webhook& webhook, const std::string& event_name);
// Whether a filter ("message.received", "message.*", "*") can mean anything.
bool IsEventFilter(const std::string& filter);

// Thread-safe.
class WebhookEvents {
 public:
  WebhookEvents(App& app, storage::Database& database, ForwardQueue& queue)
      : app_(app), database_(database), queue_(queue) {}

  // Whether an event is public and its account has webhooks, as far as is known.
  bool Wants(const events::Event& event);
  absl::Status Handle(storage::Transaction& tx, const std::vector<events::Event>& batch);
  // Learns which accounts have webhooks.
  absl::StatusOr<bool> Refresh();
  // The account has one now.
  void Watch(int64_t account_id);

 private:
  App& app_;
  storage::Database& database_;
  ForwardQueue& queue_;
  absl::Mutex mutex_;
  absl::flat_hash_set<int64_t> accounts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mo::rules
