#include "libs/runtime/worker.h"

#include <chrono>
#include <random>

#include "libs/runtime/log.h"

namespace mo {

Worker::Worker(std::string name, absl::Duration interval,
               std::function<absl::StatusOr<bool>()> run_once)
    : name_(std::move(name)), interval_(interval), run_once_(std::move(run_once)) {}

Worker::~Worker() { Stop(); }

void Worker::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void Worker::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Worker::Kick() {
  {
    std::lock_guard lock(mutex_);
    kicked_ = true;
  }
  wake_.notify_all();
}

void Worker::Loop() {
  std::minstd_rand random(std::random_device{}());
  std::uniform_real_distribution<double> jitter(0.9, 1.1);
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    kicked_ = false;
    lock.unlock();
    const absl::StatusOr<bool> more = run_once_();
    if (!more.ok()) {
      Log(LogLevel::kWarning, "worker failed",
          {{"worker", name_}, {"error", std::string(more.status().message())}});
    }
    lock.lock();
    if (more.ok() && *more) continue;
    wake_.wait_for(lock, absl::ToChronoMicroseconds(interval_ * jitter(random)),
                   [this] { return stopping_ || (kicked_); });
  }
}

}  // namespace mo
