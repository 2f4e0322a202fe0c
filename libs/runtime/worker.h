// A job that runs again and again.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace mo {

// Calls `run_once` on a thread of its own: at once while it returns true (there is more), else
// after the interval (± 10 % jitter) or a Kick. An error is logged and waits for the interval.
class Worker {
 public:
  Worker(std::string name, absl::Duration interval, std::function<absl::StatusOr<bool>()> run_once);
  ~Worker();
  void Start();
  // Waits for the run under way. Idempotent.
  void Stop();
  // Asks for a run as soon as possible.
  void Kick();

 private:
  void Loop();

  const std::string name_;
  const absl::Duration interval_;
  const std::function<absl::StatusOr<bool>()> run_once_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  bool kicked_ = false;
  std::thread thread_;
};

}  // namespace mo
