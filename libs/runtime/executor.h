// A bounded pool of threads for handlers that block on PostgreSQL.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace mo {

// Runs tasks on its own threads, at most `queue` waiting.
class Executor {
 public:
  Executor(int threads, size_t queue);
  // Finishes what is queued.
  ~Executor();
  // False when the queue is full or the executor is stopping; the task is not run then.
  bool Post(std::function<void()> task);
  // Runs what is queued, then ends the threads. Idempotent.
  void Stop();
  // Tasks that wait.
  size_t queued() const;

 private:
  void Loop();

  const size_t limit_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace mo
