// Memories of client message ids: what arrived at a phone (exact), what an agent has answered
// (bounded).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "messageorganizer/sims/v1/device.pb.h"

namespace mo::simulator {

// Every (key, phone) that ever arrived, over all agents; about 20 to 40 bytes each. Thread-safe.
class ArrivedKeys {
 public:
  // True when it is new.
  bool Insert(int64_t key, uint32_t phone);
  void Clear();

 private:
  struct alignas(64) Shard {
    std::mutex mutex;
    absl::flat_hash_set<std::pair<int64_t, uint32_t>> keys ABSL_GUARDED_BY(mutex);
  };
  std::array<Shard, 64> shards_;
};

// The outcomes an agent has given, by client message id: at least the last `generation` of them, at
// most twice as many. One thread at a time.
class AnsweredKeys {
 public:
  static constexpr size_t kGeneration = 1 << 20;
  explicit AnsweredKeys(size_t generation = kGeneration) : generation_(generation) {}

  // The outcome given before, if remembered.
  std::optional<messageorganizer::sims::v1::SendOutcome> Find(int64_t key) const;
  void Remember(int64_t key, messageorganizer::sims::v1::SendOutcome outcome);

 private:
  using Outcomes = absl::flat_hash_map<int64_t, uint8_t>;
  const size_t generation_;
  Outcomes current_;
  Outcomes previous_;
};

}  // namespace mo::simulator
