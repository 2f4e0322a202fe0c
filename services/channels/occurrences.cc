#include "services/channels/occurrences.h"

#include <algorithm>
#include <deque>

#include "absl/strings/str_cat.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "messageorganizer/channels/v1/events.pb.h"
#include "services/channels/broadcast_store.h"
#include "services/channels/expander.h"
#include "services/channels/expansion_store.h"
#include "services/channels/recurrence.h"

namespace mo::channels {
namespace {

// How late an occurrence may start.
absl::Duration LatenessOf(const v1::Series& series) {
  if (series.validity_minutes() == 0) return kGracePeriod;
  return std::min(kGracePeriod, absl::Minutes(series.validity_minutes()));
}

v1::Broadcast BroadcastOf(const v1::Series& series, absl::Time time) {
  v1::Broadcast broadcast;
  broadcast.set_series_id(series.id());
  *broadcast.mutable_content() = series.content();
  *broadcast.mutable_audience() = series.audience();
  *broadcast.mutable_send_time() = ToProto(time);
  if (series.validity_minutes() > 0) {
    *broadcast.mutable_expire_time() = ToProto(time + absl::Minutes(series.validity_minutes()));
  }
  if (series.has_quiet_hours()) *broadcast.mutable_quiet_hours() = series.quiet_hours();
  broadcast.set_ignore_quiet_hours(series.ignore_quiet_hours());
  broadcast.set_track_links(series.track_links());
  if (series.has_link_utm()) *broadcast.mutable_link_utm() = series.link_utm();
  return broadcast;
}

}  // namespace

Occurrences::Occurrences(App& app, events::Outbox& outbox, const Starter& starter)
    : app_(app),
      outbox_(outbox),
      starter_(starter),
      made_(app.metrics().Counter("mo_series_broadcasts_total",
                                  "Occurrences of series that became broadcasts")),
      missed_(app.metrics().Counter("mo_series_missed_total",
                                    "Occurrences of series that could not start in time")) {}

// It is the expander that begins what is SCHEDULED, as any other broadcast.
absl::Status Occurrences::Settle(storage::Transaction& tx, SeriesKey key, v1::Series& series) {
  return SettleAs(tx, key, v1::BROADCAST_STATE_SCHEDULED, series);
}

absl::Status Occurrences::Withdraw(storage::Transaction& tx, SeriesKey key, v1::Series& series) {
  MO_RETURN_IF_ERROR(SettleAs(tx, key, v1::BROADCAST_STATE_CANCELED, series));
  if (series.last_broadcast_id().empty()) return absl::OkStatus();
  const BroadcastKey last{key.account_id, IdOf(series.last_broadcast_id())};
  MO_ASSIGN_OR_RETURN(v1::Broadcast broadcast, LockBroadcast(tx, last));
  if (broadcast.state() != v1::BROADCAST_STATE_SCHEDULED) return absl::OkStatus();
  broadcast.set_state(v1::BROADCAST_STATE_CANCELED);
  *broadcast.mutable_finish_time() = ToProto(app_.clock().Now());
  return SaveState(tx, outbox_, last, broadcast);
}

absl::Status Occurrences::SettleAs(storage::Transaction& tx, SeriesKey key, v1::BroadcastState due,
                                   v1::Series& series) {
  if (series.state() != v1::SERIES_STATE_ACTIVE) return absl::OkStatus();
  const absl::Time now = app_.clock().Now();
  const absl::Duration lateness = LatenessOf(series);
  std::deque<std::pair<absl::Time, v1::BroadcastState>> made;
  int64_t missed = 0;
  std::optional<absl::Time> next = FromProto(series.next_time());
  while (next && *next <= now) {
    const bool late = *next + lateness < now;
    if (late && ++missed > static_cast<int64_t>(kKeptMissed)) made.pop_front();
    made.emplace_back(*next, late ? v1::BROADCAST_STATE_MISSED : due);
    series.set_occurrences(series.occurrences() + 1);
    *series.mutable_last_time() = ToProto(*next);
    MO_ASSIGN_OR_RETURN(next, NextOccurrence(series, *next));
  }
  series.set_missed(series.missed() + missed);
  for (const auto& [time, state] : made) MO_RETURN_IF_ERROR(Make(tx, key, time, state, series));
  if (next) {
    *series.mutable_next_time() = ToProto(*next);
  } else {
    series.clear_next_time();
    series.set_state(v1::SERIES_STATE_ENDED);
  }
  tx.AfterCommit([this, number = made.size()] { made_.Increment(static_cast<double>(number)); });
  if (missed > 0) TellMissed(tx, key, missed);
  return absl::OkStatus();
}

void Occurrences::Miss(storage::Transaction& tx, SeriesKey key) {
  CountMissed(tx, key);
  TellMissed(tx, key, 1);
}

void Occurrences::TellMissed(storage::Transaction& tx, SeriesKey key, int64_t missed) {
  tx.AfterCommit([this, key, missed] {
    missed_.Increment(static_cast<double>(missed));
    Log(LogLevel::kWarning, "occurrences of a series were missed",
        {{"series", FormatId("ser", key.id)}, {"missed", absl::StrCat(missed)}});
  });
}

absl::Status Occurrences::Make(storage::Transaction& tx, SeriesKey key, absl::Time time,
                               v1::BroadcastState state, v1::Series& series) {
  const int64_t id = app_.ids().Next();
  v1::Broadcast broadcast = BroadcastOf(series, time);
  broadcast.set_id(FormatId("brd", id));
  broadcast.set_state(state);
  *broadcast.mutable_create_time() = ToProto(app_.clock().Now());
  const bool begins = state == v1::BROADCAST_STATE_SCHEDULED;
  if (!begins) *broadcast.mutable_finish_time() = broadcast.create_time();
  MO_RETURN_IF_ERROR(InsertBroadcast(tx, id, broadcast));
  MO_RETURN_IF_ERROR(InsertExpansion(tx, id, begins ? std::optional(time) : std::nullopt));
  MO_RETURN_IF_ERROR(SaveState(tx, outbox_, {key.account_id, id}, broadcast));
  if (begins) starter_.Wake(tx);
  series.set_last_broadcast_id(broadcast.id());
  return absl::OkStatus();
}

absl::Status Publish(storage::Transaction& tx, events::Outbox& outbox, SeriesKey key,
                     const v1::Series& series, bool deleted) {
  v1::SeriesChanged event;
  event.set_series_id(series.id());
  event.set_state(series.state());
  event.set_deleted(deleted);
  return outbox.Append(tx, key.account_id, series.id(), event);
}

}  // namespace mo::channels
