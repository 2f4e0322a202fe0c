// Makes broadcasts of a series' occurrences.
#pragma once

#include "absl/status/status.h"
#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/storage/transaction.h"
#include "services/channels/series_store.h"
#include "services/channels/states.h"

namespace mo::channels {

// Of so many occurrences in a row that are missed, the last ones, each becomes a broadcast; those
// before are counted.
inline constexpr size_t kKeptMissed = 10;

// What becomes of occurrences whose time has come while the series was active.
class Occurrences {
 public:
  Occurrences(App& app, events::Outbox& outbox, const Starter& starter);

  // Makes the broadcasts of a locked series' occurrences up to now, and moves the series to the
  // first one to come; it ENDS when there is none. One that cannot start any more is MISSED: it is
  // later than the grace period, or than the series' validity. The series itself is not written:
  // that must be in the same transaction, so that each occurrence happens once.
  absl::Status Settle(storage::Transaction& tx, SeriesKey key, v1::Series& series);
  // The same, but none of them starts: those that could are CANCELED, also the last one that was
  // made if it has not begun yet.
  absl::Status Withdraw(storage::Transaction& tx, SeriesKey key, v1::Series& series);
  // One that became a broadcast, but that could not begin in time either. Its series is locked, and
  // may be deleted.
  void Miss(storage::Transaction& tx, SeriesKey key);

 private:
  absl::Status SettleAs(storage::Transaction& tx, SeriesKey key, v1::BroadcastState due,
                        v1::Series& series);
  absl::Status Make(storage::Transaction& tx, SeriesKey key, absl::Time time,
                    v1::BroadcastState state, v1::Series& series);
  void TellMissed(storage::Transaction& tx, SeriesKey key, int64_t missed);

  App& app_;
  events::Outbox& outbox_;
  const Starter& starter_;
  prometheus::Counter& made_;
  prometheus::Counter& missed_;
};

// Tells of a series that has changed and that its state is this.
absl::Status Publish(storage::Transaction& tx, events::Outbox& outbox, SeriesKey key,
                     const v1::Series& series, bool deleted = false);

}  // namespace mo::channels
