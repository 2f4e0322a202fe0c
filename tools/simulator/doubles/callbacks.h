// Requests to a provider's customer, repeated until they are taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "libs/http/client.h"

namespace mo::simulator {

// What became of a double's callbacks so far.
struct CallbackCounts {
  size_t waiting = 0;  // not taken yet
  int64_t taken = 0;
  int64_t failed = 0;  // attempts
  int last_status = 0;
  std::string last_error;
  bool open = true;  // the handshake, if there has to be one, has succeeded
};

// Callbacks of one double: as many at once as the provider makes, each again after growing pauses.
// Those that come later do not wait for one that fails. Thread-safe.
class CallbackQueue {
 public:
  // A request of which the answer decides whether anything else is sent.
  struct Handshake {
    http::ClientRequest request;
    std::string expected;  // the body of the 200
  };

  // `client` must outlive it. A request is taken when it is answered with 200, or else with any
  // 2xx.
  CallbackQueue(http::Client& client, size_t most_in_flight, bool only_200);

  // Queues a request; the first attempt is made at the next Tick.
  void Add(http::ClientRequest request);
  // Everything waits for this from now on; null: for nothing.
  void Await(std::optional<Handshake> handshake);
  // Makes the attempts that are due.
  void Tick(int64_t now_ms, int64_t retry_ms);
  CallbackCounts Counts() const;
  // Forgets what is waiting.
  void Clear();

 private:
  struct Item {
    http::ClientRequest request;
    int attempts = 0;
    int64_t due_ms = 0;
  };
  struct State;

  http::Client& client_;
  const std::shared_ptr<State> state_;
};

// The pause after so many attempts.
int64_t RetryPauseMs(int attempts, int64_t first_ms);

}  // namespace mo::simulator
