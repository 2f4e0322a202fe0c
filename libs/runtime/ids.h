// Ids: 64-bit inside, "con_01h…" outside.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <random>
#include <string>

#include "absl/strings/string_view.h"
#include "libs/runtime/clock.h"

namespace mo {

// Makes ids that grow with time and are not guessable: 41 bits of milliseconds since 2024, 22 bits
// that start at random in every millisecond and grow by random steps. Unique in the process;
// between processes the table's key decides.
class IdGenerator {
 public:
  explicit IdGenerator(const Clock& clock = Clock::System(),
                       uint64_t seed = std::random_device{}());
  int64_t Next();

 private:
  const Clock& clock_;
  std::mutex mutex_;
  std::mt19937_64 random_;
  int64_t last_ = 0;
};

// Ids of generators before a time are smaller, those from then on are not; by the millisecond.
int64_t FirstIdAt(absl::Time time);
// When an id was made, by the millisecond.
absl::Time TimeOfId(int64_t id);

// "con" and 1 → "con_0000000000001": 13 digits of Crockford's base32, lower case.
std::string FormatId(absl::string_view prefix, int64_t id);

// The number in such a string, or nothing when it is not one with this prefix.
std::optional<int64_t> ParseId(absl::string_view prefix, absl::string_view text);

// The number in a string that validation has accepted already; 0 for the empty string.
int64_t IdOf(absl::string_view text);

}  // namespace mo
