#include "services/statistics/query.h"

#include "absl/strings/str_cat.h"
#include "libs/runtime/status.h"
#include "services/statistics/errors.h"

namespace mo::statistics {
namespace {

constexpr int kMaxSums = 100000;

// A broadcast counts for each of its channels.
#define CHANNEL "CASE WHEN r.channel_id <> 0 THEN r.channel_id ELSE coalesce(b.channel_id, 0) END"

const char* GroupOf(const Query& query) {
  switch (query.group_by) {
    case v1::GROUP_BY_NETWORK:
      return "coalesce(s.network, 0)::bigint";
    case v1::GROUP_BY_SIM:
      return "r.sim_id";
    case v1::GROUP_BY_CHANNEL:
      return CHANNEL;
    case v1::GROUP_BY_BROADCAST:
      return "r.broadcast_id";
    case v1::GROUP_BY_LINK:
      return "r.link_id";
    case v1::GROUP_BY_SOURCE:
      return "r.kind::bigint";
    default:
      return "0::bigint";
  }
}

// $1 account, $2 resolution, $3 metrics, $4 from, $5 to, $6 SIM, $7 channel, $8 broadcast, $9 link,
// $10 network, $11 limit, $12 bounds, $13 cube.
std::string Sql(const Query& query, const char* interval) {
  const bool by_channel = query.group_by == v1::GROUP_BY_CHANNEL;
  return absl::StrCat(
      "SELECT ", interval, " AS i, ", GroupOf(query),
      " AS g, r.metric, r.kind, sum(r.value)::bigint FROM statistics.rollups r",
      query.group_by == v1::GROUP_BY_NETWORK
          ? " LEFT JOIN statistics.sims s ON s.account_id = r.account_id AND s.id = r.sim_id"
          : "",
      by_channel ? " LEFT JOIN statistics.broadcast_channels b ON b.account_id = r.account_id AND "
                   "b.broadcast_id = r.broadcast_id AND r.channel_id = 0"
                 : "",
      " WHERE r.account_id = $1 AND r.cube = $13 AND r.resolution = $2 AND r.metric = ANY($3) AND "
      "r.start >= $4 AND r.start < $5 AND ($6 = 0 OR r.sim_id = $6) AND ($7 = 0 OR r.channel_id = "
      "$7 OR (r.channel_id = 0 AND r.broadcast_id IN (SELECT broadcast_id FROM "
      "statistics.broadcast_channels WHERE account_id = $1 AND channel_id = $7)))",
      by_channel ? " AND ($7 = 0 OR " CHANNEL " = $7)" : "",
      query.of_broadcasts ? " AND r.broadcast_id <> 0" : "",
      " AND ($8 = 0 OR r.broadcast_id = $8) AND ($9 = 0 OR r.link_id = $9) AND ($10 = 0 OR "
      "r.sim_id IN (SELECT id FROM statistics.sims WHERE account_id = $1 AND network = $10)) AND "
      "cardinality($12::timestamptz[]) >= 0 GROUP BY i, g, r.metric, r.kind HAVING sum(r.value) <> "
      "0 ORDER BY i, g LIMIT $11");
}

absl::StatusOr<std::vector<Sum>> Select(storage::Transaction& tx, const Query& query,
                                        Resolution resolution, absl::Time from, absl::Time to,
                                        const std::vector<absl::Time>& bounds) {
  std::vector<int16_t> metrics;
  for (const Metric metric : query.metrics) metrics.push_back(static_cast<int16_t>(metric));
  const Filter& filter = query.filter;
  const char* interval = bounds.empty() ? "0" : "width_bucket(r.start, $12) - 1";
  MO_ASSIGN_OR_RETURN(
      storage::Result rows,
      tx.Query(Sql(query, interval), tx.account_id(), static_cast<int32_t>(resolution), metrics,
               from, to, filter.sim_id, filter.channel_id, filter.broadcast_id, filter.link_id,
               filter.network, int64_t{kMaxSums + 1}, bounds, static_cast<int32_t>(CubeOf(query))));
  if (rows.size() > kMaxSums) {
    return TooManyGroups();
  }
  std::vector<Sum> sums;
  for (const storage::Row row : rows) {
    sums.push_back({static_cast<size_t>(row.Int(0)), row.Int(1), static_cast<Metric>(row.Int(2)),
                    static_cast<int32_t>(row.Int(3)), row.Int(4)});
  }
  return sums;
}

}  // namespace

Cube CubeOf(const Query& query) {
  const Filter& filter = query.filter;
  const bool sims = query.group_by == v1::GROUP_BY_SIM || query.group_by == v1::GROUP_BY_NETWORK ||
                    filter.sim_id != 0 || filter.network != 0;
  const bool what = query.group_by == v1::GROUP_BY_CHANNEL ||
                    query.group_by == v1::GROUP_BY_BROADCAST ||
                    query.group_by == v1::GROUP_BY_LINK || filter.channel_id != 0 ||
                    filter.broadcast_id != 0 || filter.link_id != 0;
  if (sims) return what ? Cube::kAll : Cube::kSim;
  return what ? Cube::kWhat : Cube::kTotal;
}

absl::StatusOr<std::vector<Sum>> SelectSums(storage::Transaction& tx, const Query& query,
                                            const Period& period) {
  return Select(tx, query, period.resolution, period.from(), period.to(), period.bounds);
}

absl::StatusOr<std::vector<Sum>> SelectSumsBefore(storage::Transaction& tx, const Query& query,
                                                  absl::Time time) {
  // Months as far as they go, then days and what is finer: fewest rows, and none that are old
  // enough to be forgotten.
  std::vector<Sum> sums;
  absl::Time from = absl::UnixEpoch();
  for (const Resolution part : {Resolution::kMonth, Resolution::kDay, Resolution::kHour,
                                Resolution::kQuarter, Resolution::kMinute}) {
    const absl::Time to = FloorOf(time, part);
    if (from == to) continue;
    MO_ASSIGN_OR_RETURN(const std::vector<Sum> some, Select(tx, query, part, from, to, {}));
    sums.insert(sums.end(), some.begin(), some.end());
    from = to;
  }
  return sums;
}

}  // namespace mo::statistics
