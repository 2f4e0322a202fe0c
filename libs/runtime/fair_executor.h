// A pool of threads that accounts share.
#pragma once

#include <functional>
#include <mutex>
#include <utility>

#include "libs/runtime/executor.h"
#include "libs/runtime/fair_queue.h"

namespace mo {

// An Executor that takes accounts in turn, so that nobody waits for all of another's tasks.
class FairExecutor {
 public:
  // The weights must outlive it.
  FairExecutor(int threads, size_t queue, const AccountWeights& weights)
      : tasks_(weights), executor_(threads, queue) {}

  // False when the queue is full or the executor is stopping; the task is not run then. Account 0
  // is the process itself.
  bool Post(int64_t account_id, std::function<void()> task) {
    // Until the task is there, the thread that was asked for one waits.
    std::lock_guard lock(mutex_);
    if (!executor_.Post([this] { RunNext(); })) return false;
    tasks_.Push(account_id, std::move(task));
    return true;
  }
  // Runs what is queued, then ends the threads. Idempotent.
  void Stop() { executor_.Stop(); }

 private:
  void RunNext() {
    std::unique_lock lock(mutex_);
    const std::function<void()> task = tasks_.Pop();
    lock.unlock();
    task();
  }

  std::mutex mutex_;
  FairQueue<std::function<void()>> tasks_;
  Executor executor_;  // ends before what it runs
};

}  // namespace mo
