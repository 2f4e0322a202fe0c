// Internal to InboundMedia: what is under way.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/sims/inbound_media.h"

namespace mo::sims {

inline constexpr int64_t kMostInboundBytes = 10000000;  // as in media.proto

inline BroughtFile WithoutFile(common::MediaProblem problem) { return {"", "", 0, problem}; }

// One call of Bring.
struct InboundMedia::Batch {
  std::mutex mutex;
  size_t left = 1;  // Bring itself
  absl::Status status;
  std::vector<BroughtFile> brought;
  Done done;

  void End(const absl::Status& ended) {
    {
      std::lock_guard lock(mutex);
      status.Update(ended);
      if (--left > 0) return;
    }
    if (!status.ok()) return done(status);
    done(std::move(brought));
  }
};

// One file.
struct InboundMedia::Task {
  InboundFile file;
  std::string key;
  absl::Time deadline;
  std::shared_ptr<Batch> batch;
  size_t index = 0;  // in the batch
};

}  // namespace mo::sims
