// How accounts share what there is not enough of.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace mo {

// The share of each account beside the others that want something at the same time: 1, unless the
// operator says otherwise (--account_weights).
class AccountWeights {
 public:
  AccountWeights() = default;
  explicit AccountWeights(std::map<int64_t, double> weights) : weights_(std::move(weights)) {}
  // From "acc_…=2.5": weights from 0.01 to 100.
  static absl::StatusOr<AccountWeights> Parse(const std::vector<std::string>& texts);

  double Of(int64_t account_id) const {
    const auto found = weights_.find(account_id);
    return found == weights_.end() ? 1 : found->second;
  }

 private:
  std::map<int64_t, double> weights_;
};

}  // namespace mo
