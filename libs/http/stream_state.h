// Internal to server.cc: what a Stream and its connection share.
#ifndef MESSAGEORGANIZER_LIBS_HTTP_STREAM_STATE_H_
#define MESSAGEORGANIZER_LIBS_HTTP_STREAM_STATE_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/synchronization/mutex.h"

namespace mo::http::internal {

// The bytes a writer has queued and the connection has not sent. `wake` asks the connection to call
// Take (at most one request at a time), `abort` to close at once; both may be called from any
// thread and from inside each other's calls.
class StreamState {
 public:
  static constexpr size_t kMaxQueued = 1 << 20;

  StreamState(std::function<void()> wake, std::function<void()> abort)
      : wake_(std::move(wake)), abort_(std::move(abort)) {}

  bool Write(std::string chunk) {
    bool overflow = false, wake = false;
    {
      absl::MutexLock lock(&mutex_);
      if (!open_) return false;
      if (chunk.empty()) return true;
      if (pending_.size() + in_flight_ + chunk.size() > kMaxQueued) {
        open_ = false;
        overflow = true;
      } else {
        if (pending_.empty()) {
          pending_ = std::move(chunk);
        } else {
          pending_ += chunk;
        }
        wake = !std::exchange(awaited_, true);
      }
    }
    if (overflow) abort_();
    if (wake) wake_();
    return !overflow;
  }

  size_t queued() {
    absl::MutexLock lock(&mutex_);
    return pending_.size() + in_flight_;
  }

  void Close() {
    {
      absl::MutexLock lock(&mutex_);
      if (!std::exchange(open_, false)) return;
    }
    wake_();
  }

  void Abort() {
    {
      absl::MutexLock lock(&mutex_);
      if (!std::exchange(open_, false)) return;
    }
    abort_();
  }

  void OnDrained(std::function<void()> callback) {
    {
      absl::MutexLock lock(&mutex_);
      if (!ended_ && pending_.size() + in_flight_ > 0) {
        on_drained_ = std::move(callback);
        return;
      }
    }
    callback();
  }

  void OnClose(std::function<void()> callback) {
    {
      absl::MutexLock lock(&mutex_);
      if (!ended_) {
        on_close_ = std::move(callback);
        return;
      }
    }
    callback();
  }

  // Moves what is queued into `*chunk`; what was taken before counts as sent. False when it is
  // empty and no more will come.
  bool Take(std::string* chunk) {
    absl::MutexLock lock(&mutex_);
    awaited_ = false;
    chunk->clear();
    chunk->swap(pending_);
    in_flight_ = chunk->size();
    return open_ || !chunk->empty();
  }

  // Take has found nothing, and the connection waits for more.
  void Drained() {
    std::function<void()> callback;
    {
      absl::MutexLock lock(&mutex_);
      if (pending_.size() + in_flight_ > 0) return;
      callback.swap(on_drained_);
    }
    if (callback) callback();
  }

  // The connection is done with the stream.
  void End() {
    std::function<void()> callback, drained;
    {
      absl::MutexLock lock(&mutex_);
      open_ = false;
      if (std::exchange(ended_, true)) return;
      pending_.clear();
      callback.swap(on_close_);
      drained.swap(on_drained_);
    }
    if (callback) callback();
    if (drained) drained();
  }

 private:
  const std::function<void()> wake_;
  const std::function<void()> abort_;
  absl::Mutex mutex_;
  std::string pending_ ABSL_GUARDED_BY(mutex_);
  size_t in_flight_ ABSL_GUARDED_BY(mutex_) = 0;
  bool open_ ABSL_GUARDED_BY(mutex_) = true;      // the writer may write
  bool awaited_ ABSL_GUARDED_BY(mutex_) = false;  // a wake is under way
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::function<void()> on_close_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> on_drained_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mo::http::internal

#endif  // MESSAGEORGANIZER_LIBS_HTTP_STREAM_STATE_H_
