#include "services/statistics/ages.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace mo::statistics {
namespace {

constexpr int64_t kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour;

// The last second of each bucket; bucket numbers are kept in tables: append only.
constexpr std::array<int64_t, 44> kEnds = {0,
                                           1,
                                           2,
                                           3,
                                           4,
                                           5,
                                           7,
                                           10,
                                           13,
                                           17,
                                           22,
                                           30,
                                           40,
                                           50,
                                           kMinute,
                                           80,
                                           100,
                                           2 * kMinute,
                                           160,
                                           200,
                                           4 * kMinute,
                                           320,
                                           400,
                                           500,
                                           10 * kMinute,
                                           800,
                                           1000,
                                           1300,
                                           30 * kMinute,
                                           2400,
                                           3000,
                                           kHour,
                                           80 * kMinute,
                                           100 * kMinute,
                                           2 * kHour,
                                           3 * kHour,
                                           4 * kHour,
                                           6 * kHour,
                                           8 * kHour,
                                           12 * kHour,
                                           kDay,
                                           2 * kDay,
                                           4 * kDay,
                                           7 * kDay};

}  // namespace

int32_t AgeBucket(int64_t seconds) {
  const auto found = std::lower_bound(kEnds.begin(), kEnds.end(), seconds);
  return static_cast<int32_t>(std::distance(kEnds.begin(), found));
}

double AgeQuantile(const std::map<int32_t, int64_t>& counts, double share) {
  int64_t total = 0, seen = 0;
  for (const auto& [bucket, count] : counts) total += count;
  for (const auto& [bucket, count] : counts) {
    seen += count;
    if (total > 0 && static_cast<double>(seen) >= share * static_cast<double>(total)) {
      // Behind the last end nothing is known.
      const auto index = std::min(static_cast<size_t>(bucket), kEnds.size() - 1);
      return static_cast<double>(kEnds[index]);
    }
  }
  return 0;
}

}  // namespace mo::statistics
