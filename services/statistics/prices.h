// What messages cost.
#pragma once

#include <map>

#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "messageorganizer/statistics/v1/statistics.pb.h"

namespace mo::statistics {

namespace v1 = messageorganizer::statistics::v1;

// Prices by the day (UTC) from which on they hold.
using PricesByDay = std::map<absl::Time, v1::MessagePrices>;
// All that the transaction's account has had.
absl::StatusOr<PricesByDay> SelectPrices(storage::Transaction& tx);

// The accounts' prices.
class Prices {
 public:
  Prices(App& app, storage::Database& database) : app_(app), database_(database) {}

  absl::StatusOr<v1::MessagePrices> Get(const Caller& caller);
  absl::StatusOr<v1::MessagePrices> Update(const Caller& caller,
                                           const v1::UpdateMessagePricesRequest& request);

 private:
  App& app_;
  storage::Database& database_;
};

}  // namespace mo::statistics
