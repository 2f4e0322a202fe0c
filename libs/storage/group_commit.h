// Many small writes in few transactions.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/status/status.h"

namespace mo::storage {

// Collects items from any thread and hands them, in their order, in batches to `flush` on one
// thread of its own: while one batch commits, the next one gathers. Items are bounded: Add blocks
// while `limit` wait (back-pressure).
template <class Item>
class GroupCommit {
 public:
  using Flush = std::function<void(std::vector<Item>)>;

  GroupCommit(size_t batch, size_t limit, Flush flush)
      : batch_(batch), limit_(limit), flush_(std::move(flush)), thread_([this] { Loop(); }) {}
  ~GroupCommit() { Stop(); }

  // Waits for room. False when stopped: the item is dropped, nothing of it was done.
  bool Add(Item item) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return stopping_ || items_.size() < limit_; });
    if (stopping_) return false;
    items_.push_back(std::move(item));
    if (items_.size() == 1) wake_.notify_one();
    return true;
  }
  // The same for callers that must not block: false also when there is no room.
  bool TryAdd(Item item) {
    std::lock_guard lock(mutex_);
    if (stopping_ || items_.size() >= limit_) return false;
    items_.push_back(std::move(item));
    if (items_.size() == 1) wake_.notify_one();
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
  void Loop() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return stopping_ || !items_.empty(); });
      if (items_.empty()) return;
      std::vector<Item> batch;
      if (items_.size() <= batch_) {
        batch.swap(items_);
      } else {
        const auto end = items_.begin() + static_cast<std::ptrdiff_t>(batch_);
        batch.assign(std::make_move_iterator(items_.begin()), std::make_move_iterator(end));
        items_.erase(items_.begin(), end);
      }
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
  std::vector<Item> items_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace mo::storage
