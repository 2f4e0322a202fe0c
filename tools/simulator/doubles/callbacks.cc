#include "tools/simulator/doubles/callbacks.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tools/simulator/settings.h"

namespace mo::simulator {

// Shared with the callbacks of requests under way, which may end after the queue.
struct CallbackQueue::State {
  State(size_t most, bool strict) : most_in_flight(most), only_200(strict) {}

  const size_t most_in_flight;
  const bool only_200;
  mutable std::mutex mutex;
  std::deque<Item> ready ABSL_GUARDED_BY(mutex);
  std::vector<Item> later ABSL_GUARDED_BY(mutex);  // failed ones, few
  std::optional<Handshake> handshake ABSL_GUARDED_BY(mutex);
  Item handshake_item ABSL_GUARDED_BY(mutex);
  bool shaking ABSL_GUARDED_BY(mutex) = false;
  uint64_t shakes ABSL_GUARDED_BY(mutex) = 0;  // a handshake under way may be an old one
  uint64_t clears ABSL_GUARDED_BY(mutex) = 0;
  size_t in_flight ABSL_GUARDED_BY(mutex) = 0;
  int64_t retry_ms ABSL_GUARDED_BY(mutex) = 1000;
  CallbackCounts counts ABSL_GUARDED_BY(mutex);

  bool Note(const absl::StatusOr<http::Response>& response) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    counts.last_status = response.ok() ? response->status : 0;
    if (response.ok() && (only_200 ? response->status == 200 : response->status / 100 == 2)) {
      return true;
    }
    counts.last_error = response.ok() ? absl::StrCat("status ", response->status)
                                      : std::string(response.status().message());
    ++counts.failed;
    return false;
  }
};

int64_t RetryPauseMs(int attempts, int64_t first_ms) {
  const int64_t longest = std::max<int64_t>(first_ms, 60'000);
  return std::min(first_ms << std::min(attempts - 1, 16), longest);
}

CallbackQueue::CallbackQueue(http::Client& client, size_t most_in_flight, bool only_200)
    : client_(client), state_(std::make_shared<State>(most_in_flight, only_200)) {}

void CallbackQueue::Add(http::ClientRequest request) {
  request.allow_private = true;  // the customer is on this machine
  std::lock_guard lock(state_->mutex);
  state_->ready.push_back({std::move(request)});
}

void CallbackQueue::Await(std::optional<Handshake> handshake) {
  std::lock_guard lock(state_->mutex);
  state_->handshake = std::move(handshake);
  ++state_->shakes;
  state_->shaking = false;
  state_->handshake_item = {};
  if (state_->handshake) {
    state_->handshake_item.request = state_->handshake->request;
    state_->handshake_item.request.allow_private = true;
  }
  state_->counts.open = !state_->handshake.has_value();
}

void CallbackQueue::Tick(int64_t now_ms, int64_t retry_ms) {
  State& state = *state_;
  std::vector<Item> starting;
  std::optional<http::ClientRequest> shake;
  uint64_t shakes = 0, clears = 0;
  {
    std::lock_guard lock(state.mutex);
    state.retry_ms = retry_ms;
    shakes = state.shakes;
    clears = state.clears;
    if (!state.counts.open) {
      if (state.shaking || state.handshake_item.due_ms > now_ms) return;
      state.shaking = true;
      shake = state.handshake_item.request;
    } else {
      for (size_t i = 0; i < state.later.size();) {
        if (state.later[i].due_ms > now_ms) {
          ++i;
          continue;
        }
        state.ready.push_front(std::move(state.later[i]));
        state.later[i] = std::move(state.later.back());
        state.later.pop_back();
      }
      while (!state.ready.empty() && state.in_flight < state.most_in_flight) {
        ++state.in_flight;
        starting.push_back(std::move(state.ready.front()));
        state.ready.pop_front();
      }
    }
  }
  if (shake) {
    client_.Fetch(*shake, [shared = state_, shakes](absl::StatusOr<http::Response> response) {
      std::lock_guard lock(shared->mutex);
      if (shared->shakes != shakes) return;
      shared->shaking = false;
      if (shared->Note(response) && response->body == shared->handshake->expected) {
        shared->counts.open = true;
        return;
      }
      Item& item = shared->handshake_item;
      item.due_ms = NowMs() + RetryPauseMs(++item.attempts, shared->retry_ms);
    });
  }
  for (Item& item : starting) {
    http::ClientRequest request = item.request;
    client_.Fetch(std::move(request), [shared = state_, item = std::move(item),
                                       clears](absl::StatusOr<http::Response> response) mutable {
      std::lock_guard lock(shared->mutex);
      --shared->in_flight;
      if (shared->Note(response)) {
        ++shared->counts.taken;
      } else if (shared->clears == clears) {
        item.due_ms = NowMs() + RetryPauseMs(++item.attempts, shared->retry_ms);
        shared->later.push_back(std::move(item));
      }
    });
  }
}

CallbackCounts CallbackQueue::Counts() const {
  std::lock_guard lock(state_->mutex);
  CallbackCounts counts = state_->counts;
  counts.waiting = state_->ready.size() + state_->later.size() + state_->in_flight;
  return counts;
}

void CallbackQueue::Clear() {
  std::lock_guard lock(state_->mutex);
  ++state_->clears;
  state_->ready.clear();
  state_->later.clear();
}

}  // namespace mo::simulator
