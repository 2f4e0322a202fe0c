// The clients of /v1/events that are connected to this process.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/http/server.h"
#include "libs/runtime/metrics.h"
#include "services/edge/feed_store.h"

namespace mo::edge {

// Sends each client its account's events from the feed table, in order and without gaps, on one
// thread: woken by this process's own commits, and looking by itself twice a second for those of
// others. A client that does not read is waited for up to half of what the server queues, then just
// gets its events later; one that is gone is forgotten.
class FeedHub {
 public:
  // Asks whether a client may still listen; calls back from any thread, at once or later.
  using Recheck = std::function<void(std::function<void(const absl::Status&)>)>;

  static constexpr size_t kMaxClientsPerAccount = 100;
  static constexpr size_t kMaxClients = 5000;

  FeedHub(FeedStore& store, Metrics& metrics);
  ~FeedHub() { Stop(); }

  void Start();
  // Ends all streams. Idempotent.
  void Stop();

  // Takes over a request: it is answered with the stream once its place in the feed is known.
  // `last_event_id`: as the client sent it; none: from now on. `recheck` is asked every 5 seconds:
  // a refusal ends the stream. RESOURCE_EXHAUSTED when there are too many.
  absl::Status Add(int64_t account_id, std::optional<std::string> last_event_id,
                   http::Responder responder, std::string request_id, Recheck recheck);

  // There are new events in the table.
  void Wake();

 private:
  struct Client {
    int64_t account_id = 0;
    std::optional<std::string> last_event_id;
    http::Responder responder;
    std::string request_id;
    Recheck recheck;
    bool opened = false;  // the stream has begun, at `seq`
    http::Stream stream;
    int64_t seq = 0;
    absl::Time last_write;
    absl::Time last_check;
  };
  using Clients = std::vector<std::shared_ptr<Client>>;

  void Loop();
  // One look at the table for all clients; how long the next one may wait if nothing happens.
  absl::StatusOr<absl::Duration> Round();
  absl::StatusOr<absl::Duration> ServeAccount(int64_t account_id, int64_t head,
                                              const Clients& clients);
  void Deliver(Client& client, const std::vector<FeedEvent>& events);
  absl::Status Open(const std::shared_ptr<Client>& client, int64_t head);
  // Heartbeats and rechecks.
  void Beat(const Clients& clients);
  void Remove(const Client& client);

  FeedStore& store_;
  prometheus::Gauge& connected_;
  absl::Mutex mutex_;
  std::map<int64_t, Clients> clients_ ABSL_GUARDED_BY(mutex_);
  size_t count_ ABSL_GUARDED_BY(mutex_) = 0;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace mo::edge
