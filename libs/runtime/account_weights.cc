#include "libs/runtime/account_weights.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/runtime/ids.h"

namespace mo {
namespace {

constexpr double kLeast = 0.01;
constexpr double kMost = 100;

}  // namespace

absl::StatusOr<AccountWeights> AccountWeights::Parse(const std::vector<std::string>& texts) {
  std::map<int64_t, double> weights;
  for (const std::string& text : texts) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
    const int64_t account_id = ParseId("acc", parts.first).value_or(0);
    double weight = 0;
    if (account_id <= 0 || !absl::SimpleAtod(parts.second, &weight) || !(weight >= kLeast) ||
        !(weight <= kMost)) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", text, "\" is not acc_…=weight with a weight from 0.01 to 100"));
    }
    weights[account_id] = weight;
  }
  return AccountWeights(std::move(weights));
}

}  // namespace mo
