// Many small writes in few transactions.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace mo::storage {

// What waits for a GroupCommit, first come, first served. Others may order and bound items in
// another way.
template <class Item>
class Fifo {
 public:
  size_t size() const { return items_.size(); }
  // Whether there is no room for the item.
  bool Full(const Item&, size_t limit) const { return items_.size() >= limit; }
  void Push(Item item) { items_.push_back(std::move(item)); }
  // The next ones, at least one if there is any.
  std::vector<Item> Take(size_t most) {
    if (items_.size() <= most) return std::exchange(items_, {});
    const auto end = items_.begin() + static_cast<std::ptrdiff_t>(most);
    std::vector<Item> taken(std::make_move_iterator(items_.begin()), std::make_move_iterator(end));
    items_.erase(items_.begin(), end);
    return taken;
  }

 private:
  std::vector<Item> items_;
};

// Collects items from any thread and hands them, in the queue's order, in batches to `flush` on one
// thread of its own: while one batch commits, the next one gathers. Items are bounded: Add blocks
// while `limit` wait (back-pressure).
template <class Item, class Queue = Fifo<Item>>
class GroupCommit {
 public:
  using Flush = std::function<void(std::vector<Item>)>;

  GroupCommit(size_t batch, size_t limit, Flush flush, Queue items = Queue())
      : batch_(batch),
        limit_(limit),
        flush_(std::move(flush)),
        items_(std::move(items)),
        thread_([this] { Loop(); }) {}
  ~GroupCommit() { Stop(); }

  // Waits for room. False when stopped: the item is dropped, nothing of it was done.
  bool Add(Item item) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return stopping_ || !items_.Full(item, limit_); });
    if (stopping_) return false;
    Push(std::move(item), absl::ZeroDuration());
    return true;
  }
  // The same for callers that must not block: false also when there is no room. An item with
  // patience waits so long for one without, to share its batch.
  bool TryAdd(Item item, absl::Duration patience = absl::ZeroDuration()) {
    std::lock_guard lock(mutex_);
    if (stopping_ || items_.Full(item, limit_)) return false;
    Push(std::move(item), patience);
    return true;
  }
  // Flushes what waits, then ends the thread. Idempotent.
  void Stop() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    room_.notify_all();
    if (thread_.joinable()) thread_.join();
  }
  size_t size() const {
    std::lock_guard lock(mutex_);
    return items_.size();
  }

 private:
  using Clock = std::chrono::steady_clock;  // the wall's may be set back
  using Instant = Clock::time_point;
  static constexpr Instant kNow = Instant::min();
  static constexpr Instant kNever = Instant::max();

  void Push(Item item, absl::Duration patience) {
    items_.Push(std::move(item));
    const bool now = patience <= absl::ZeroDuration() || items_.size() >= batch_;
    const Instant due = now ? kNow : Clock::now() + absl::ToChronoMicroseconds(patience);
    if (due >= due_) return;
    due_ = due;
    wake_.notify_one();
  }

  // False when it has stopped and nothing is left.
  bool AwaitDue(std::unique_lock<std::mutex>& lock) {
    while (!stopping_ && due_ != kNow) {
      if (due_ == kNever) {
        wake_.wait(lock);
      } else if (wake_.wait_until(lock, due_) == std::cv_status::timeout) {
        break;
      }
    }
    return items_.size() > 0;
  }

  void Loop() {
    std::unique_lock lock(mutex_);
    while (AwaitDue(lock)) {
      std::vector<Item> batch = items_.Take(batch_);
      due_ = items_.size() == 0 ? kNever : kNow;
      lock.unlock();
      room_.notify_all();
      flush_(std::move(batch));
      lock.lock();
    }
  }

  const size_t batch_;
  const size_t limit_;
  const Flush flush_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable room_;
  Queue items_;
  Instant due_ = kNever;  // of the next batch
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace mo::storage
