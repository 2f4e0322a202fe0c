#include "services/rules/breakers.h"

#include <algorithm>

namespace mo::rules {
namespace {

constexpr int kTolerated = 5;
constexpr absl::Duration kFirstPause = absl::Seconds(5);
constexpr absl::Duration kLongestPause = absl::Minutes(5);

}  // namespace

void Breakers::Begin(const std::string& destination) {
  ++states_[destination].in_flight;
  ++in_flight_;
}

Breakers::State* Breakers::Leave(const std::string& destination) {
  State& state = states_[destination];
  --state.in_flight;
  --in_flight_;
  return &state;
}

void Breakers::End(const std::string& destination, bool answers, absl::Time now) {
  State& state = *Leave(destination);
  if (answers) {
    state.failures = 0;
    state.open_until = absl::InfinitePast();
    if (state.in_flight == 0) states_.erase(destination);
    return;
  }
  ++state.failures;
  // What was under way when it opened does not make the pause longer.
  if (state.failures < kTolerated || now < state.open_until) return;
  const int doublings = std::min(state.failures - kTolerated, 10);
  state.open_until = now + std::min(kFirstPause * (1 << doublings), kLongestPause);
}

void Breakers::Cancel(const std::string& destination) {
  if (const State& state = *Leave(destination); state.in_flight == 0 && state.failures == 0)
    states_.erase(destination);
}

absl::flat_hash_map<std::string, int32_t> Breakers::Less(absl::Time now) const {
  absl::flat_hash_map<std::string, int32_t> less;
  for (const auto& [destination, state] : states_) {
    int32_t taken = state.in_flight;
    if (now < state.open_until) {
      taken = most_;
    } else if (state.failures >= kTolerated) {
      taken = std::max(most_ - 1, std::min(most_, most_ - 1 + state.in_flight));
    }
    if (taken > 0) less[destination] = taken;
  }
  return less;
}

int32_t Breakers::open(absl::Time now) const {
  return static_cast<int32_t>(std::count_if(states_.begin(), states_.end(), [&](const auto& one) {
    return now < one.second.open_until;
  }));
}

}  // namespace mo::rules
