// Durations in buckets, for medians and the like of any number of them.
#pragma once

#include <cstdint>
#include <map>

namespace mo::statistics {

// The bucket of a duration; each is about 30 % wider than the one before.
int32_t AgeBucket(int64_t seconds);

// Seconds that the share (0 to 1) of the durations do not exceed: the upper end of the bucket in
// which it is reached. 0 when there are none.
double AgeQuantile(const std::map<int32_t, int64_t>& counts, double share);

}  // namespace mo::statistics
