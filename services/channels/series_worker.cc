#include "services/channels/series_worker.h"

#include "libs/runtime/ids.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"

namespace mo::channels {
namespace {

constexpr int32_t kBatch = 16;
// Before one that could not be settled is tried again; it does not keep the others waiting.
constexpr absl::Duration kRetryDelay = absl::Seconds(2);

}  // namespace

SeriesWorker::SeriesWorker(App& app, storage::Database& database, events::Outbox& outbox,
                           Occurrences& occurrences)
    : app_(app),
      database_(database),
      outbox_(outbox),
      occurrences_(occurrences),
      failures_(app.metrics().Counter("mo_series_failures_total",
                                      "Attempts to settle a series that are made again")) {}

absl::StatusOr<bool> SeriesWorker::RunOnce() {
  const absl::Time now = app_.clock().Now();
  MO_ASSIGN_OR_RETURN(const std::vector<SeriesKey> keys,
                      database_.ReadAsSystem([&](storage::Transaction& tx) {
                        return SelectDueSeries(tx, now, kBatch);
                      }));
  bool any = false;
  for (const SeriesKey& key : keys) {
    const absl::StatusOr<bool> settled = Settle(key);
    if (settled.ok()) {
      any |= *settled;
      continue;
    }
    failures_.Increment();
    Log(LogLevel::kWarning, "a series will be settled later",
        {{"series", FormatId("ser", key.id)}, {"error", std::string(settled.status().message())}});
    MO_RETURN_IF_ERROR(database_.As(key.account_id, [&](storage::Transaction& tx) {
      return PostponeSeries(tx, key, app_.clock().Now() + kRetryDelay);
    }));
    any = true;
  }
  return any;
}

// False when another one is at it, or was.
absl::StatusOr<bool> SeriesWorker::Settle(SeriesKey key) {
  return database_.As(key.account_id, [&](storage::Transaction& tx) -> absl::StatusOr<bool> {
    MO_ASSIGN_OR_RETURN(std::optional<v1::Series> series,
                        LockDueSeries(tx, key, app_.clock().Now()));
    if (!series) return false;
    MO_RETURN_IF_ERROR(occurrences_.Settle(tx, key, *series));
    MO_RETURN_IF_ERROR(UpdateSeries(tx, key, *series));
    if (series->state() == v1::SERIES_STATE_ENDED) {
      MO_RETURN_IF_ERROR(Publish(tx, outbox_, key, *series));
    }
    return true;
  });
}

}  // namespace mo::channels
