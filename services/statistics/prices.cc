#include "services/statistics/prices.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/runtime/errors.h"
#include "libs/runtime/status.h"
#include "services/statistics/store.h"

namespace mo::statistics {
namespace {

absl::Status Check(const v1::MessagePrices& prices) {
  Problems problems;
  if (!prices.prices().empty() && prices.currency().empty())
    problems.Add("message_prices.currency", "REQUIRED", "prices have a currency");
  std::set<std::pair<int, int>> seen;
  for (int i = 0; i < prices.prices_size(); ++i) {
    const v1::MessagePrice& price = prices.prices(i);
    const std::string field = absl::StrCat("message_prices.prices[", i, "]");
    if (price.micros() < 0) problems.Add(field + ".micros", "OUT_OF_RANGE", "must not be negative");
    if (!seen.emplace(price.network(), price.message_class()).second)
      problems.Add(field, "DUPLICATE", "there is a price of this network and class already");
  }
  return problems.ToStatus();
}

}  // namespace

constexpr char kSelectPrices[] =
    "SELECT valid_from, prices FROM statistics.message_prices WHERE account_id = $1";
absl::StatusOr<PricesByDay> SelectPrices(storage::Transaction& tx) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectPrices, tx.account_id()));
  PricesByDay prices;
  for (const storage::Row row : rows) prices[row.Time(0)].ParseFromString(row.String(1));
  return prices;
}

absl::StatusOr<v1::MessagePrices> Prices::Get(const Caller& caller) {
  MO_ASSIGN_OR_RETURN(const PricesByDay prices, database_.ReadAs(caller.account_id, SelectPrices));
  return prices.empty() ? v1::MessagePrices() : prices.rbegin()->second;
}

constexpr char kUpsertPrices[] =
    "INSERT INTO statistics.message_prices (account_id, valid_from, prices) VALUES ($1, $2, $3) ON "
    "CONFLICT (account_id, valid_from) DO UPDATE SET prices = excluded.prices";
absl::StatusOr<v1::MessagePrices> Prices::Update(const Caller& caller,
                                                 const v1::UpdateMessagePricesRequest& request) {
  MO_RETURN_IF_ERROR(Check(request.message_prices()));
  const absl::Time today = FloorOf(app_.clock().Now(), Resolution::kDay);
  return database_.Once<v1::MessagePrices>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::MessagePrices> {
        MO_RETURN_IF_ERROR(tx.Run(kUpsertPrices, tx.account_id(), today,
                                  storage::Bytes{request.message_prices().SerializeAsString()}));
        return request.message_prices();
      });
}

}  // namespace mo::statistics
