// What an account has used.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "services/statistics/period.h"

namespace mo::statistics {

// Whole months of UTC; at most 60.
absl::StatusOr<Period> MonthsOf(const Asked& asked, absl::Time now);
absl::StatusOr<v1::GetUsageResponse> SelectUsage(storage::Transaction& tx, const Period& months);
// A line for each month and class of messages.
std::string UsageCsv(const v1::GetUsageResponse& usage);

}  // namespace mo::statistics
