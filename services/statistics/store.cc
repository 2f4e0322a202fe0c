#include "services/statistics/store.h"

#include "libs/runtime/status.h"

namespace mo::statistics {

// In the order of the key, so that two partitions' batches cannot deadlock on their common hours.
constexpr char kAddTally[] =
    "INSERT INTO statistics.hourly (account_id, hour, metric, value) "
    "SELECT account_id, hour, metric, value "
    "FROM unnest((SELECT $1::bigint[]), (SELECT $2::timestamptz[]), (SELECT $3::smallint[]), "
    "(SELECT $4::bigint[])) "
    "AS tally (account_id, hour, metric, value) ORDER BY account_id, hour, metric "
    "ON CONFLICT (account_id, hour, metric) DO UPDATE SET value = hourly.value + EXCLUDED.value";
void AddTally(storage::Transaction& tx, const Tally& tally) {
  std::vector<int64_t> accounts;
  std::vector<absl::Time> hours;
  std::vector<int16_t> metrics;
  std::vector<int64_t> values;
  for (const auto& [key, value] : tally) {
    accounts.push_back(std::get<0>(key));
    hours.push_back(std::get<1>(key));
    metrics.push_back(static_cast<int16_t>(std::get<2>(key)));
    values.push_back(value);
  }
  tx.Defer(kAddTally, accounts, hours, metrics, values);
}

constexpr char kSelectCounts[] =
    "SELECT date_bin($4 * interval '1 hour', hour, timestamptz '1970-01-01 00:00:00+00') AS start, "
    "metric, sum(value)::bigint FROM statistics.hourly "
    "WHERE account_id = $1 AND hour >= $2 AND hour < $3 AND metric = ANY($5) "
    "GROUP BY start, metric ORDER BY start, metric";
absl::StatusOr<std::vector<Count>> SelectCounts(storage::Transaction& tx, const Period& period,
                                                const std::vector<Metric>& metrics) {
  std::vector<int16_t> numbers;
  for (const Metric metric : metrics) numbers.push_back(static_cast<int16_t>(metric));
  MO_ASSIGN_OR_RETURN(storage::Result rows,
                      tx.Query(kSelectCounts, tx.account_id(), period.from, period.to,
                               static_cast<double>(period.hours), numbers));
  std::vector<Count> counts;
  for (const storage::Row row : rows)
    counts.push_back({row.Time(0), static_cast<Metric>(row.Int(1)), row.Int(2)});
  return counts;
}

}  // namespace mo::statistics
