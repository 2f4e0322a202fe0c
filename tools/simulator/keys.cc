#include "tools/simulator/keys.h"

#include "tools/simulator/settings.h"

namespace mo::simulator {

using messageorganizer::sims::v1::SendOutcome;

bool ArrivedKeys::Insert(int64_t key, uint32_t phone) {
  // The top bits: the set itself hashes anew, so a shard's keys stay evenly spread.
  Shard& shard = shards_[Mix(static_cast<uint64_t>(key)) >> 58];
  std::lock_guard lock(shard.mutex);
  return shard.keys.emplace(key, phone).second;
}

void ArrivedKeys::Clear() {
  for (Shard& shard : shards_) {
    std::lock_guard lock(shard.mutex);
    shard.keys.clear();
  }
}

std::optional<SendOutcome> AnsweredKeys::Find(int64_t key) const {
  for (const Outcomes* outcomes : {&current_, &previous_}) {
    if (auto it = outcomes->find(key); it != outcomes->end()) {
      return static_cast<SendOutcome>(it->second);
    }
  }
  return std::nullopt;
}

void AnsweredKeys::Remember(int64_t key, SendOutcome outcome) {
  if (current_.size() >= generation_) {
    previous_ = std::move(current_);
    current_ = Outcomes();
  }
  current_[key] = static_cast<uint8_t>(outcome);
}

}  // namespace mo::simulator
