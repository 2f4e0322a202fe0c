#include "libs/runtime/ids.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace mo {
namespace {

constexpr char kDigits[] = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr int kLength = 13;
constexpr int kRandomBits = 22;
constexpr int64_t kEpochMs = 1704067200000;  // 2024-01-01T00:00:00Z
constexpr int64_t kLastMs = (int64_t{1} << 41) - 1;

int DigitOf(char c) {
  for (int i = 0; i < 32; ++i) {
    if (kDigits[i] == c) return i;
  }
  return -1;
}

}  // namespace

IdGenerator::IdGenerator(const Clock& clock, uint64_t seed) : clock_(clock), random_(seed) {}

int64_t IdGenerator::Next() {
  std::lock_guard lock(mutex_);
  const int64_t now = (absl::ToUnixMillis(clock_.Now()) - kEpochMs) << kRandomBits;
  if (last_ < now) {
    last_ = now + static_cast<int64_t>(random_() & ((1u << (kRandomBits - 1)) - 1));
  } else {
    last_ += 1 + static_cast<int64_t>(random_() & 63);
  }
  return last_;
}

int64_t FirstIdAt(absl::Time time) {
  const int64_t since = absl::ToUnixMillis(time) - kEpochMs;
  // No id is of a time before the first, or after the last that there is a number for.
  return std::clamp<int64_t>(since, 0, kLastMs) << kRandomBits;
}

absl::Time TimeOfId(int64_t id) { return absl::FromUnixMillis((id >> kRandomBits) + kEpochMs); }

std::string FormatId(absl::string_view prefix, int64_t id) {
  char text[kLength];
  auto rest = static_cast<uint64_t>(id);
  for (int i = kLength - 1; i >= 0; --i, rest >>= 5) text[i] = kDigits[rest & 31];
  return absl::StrCat(prefix, "_", absl::string_view(text, kLength));
}

std::optional<int64_t> ParseId(absl::string_view prefix, absl::string_view text) {
  if (text.size() != prefix.size() + 1 + kLength || text.substr(0, prefix.size()) != prefix ||
      text[prefix.size()] != '_') {
    return std::nullopt;
  }
  uint64_t id = 0;
  for (char c : text.substr(prefix.size() + 1)) {
    const int digit = DigitOf(c);
    if (digit < 0 || id >> 58 != 0) return std::nullopt;
    id = id << 5 | static_cast<uint64_t>(digit);
  }
  if (id == 0) return std::nullopt;
  return static_cast<int64_t>(id);
}

int64_t IdOf(absl::string_view text) {
  const size_t underscore = text.find('_');
  if (underscore == absl::string_view::npos) return 0;
  return ParseId(text.substr(0, underscore), text).value_or(0);
}

}  // namespace mo
