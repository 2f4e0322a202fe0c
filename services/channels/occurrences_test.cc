#include "services/channels/occurrences.h"

#include <catch2/catch.hpp>

#include "services/channels/series_world.h"

namespace mo::channels {
namespace {

using Times = std::vector<std::string>;

TEST_CASE("What everything was down for starts late within the grace period, else it is missed") {
  SeriesWorld world;
  const v1::Series series = world.CreateSeries(world.Daily());
  world.clock.Set(world.At("2026-01-15T19:00:00Z"));
  world.Settle();
  CHECK(world.TimesOf(series.id()) == Times{"2026-01-15T18:00:00Z SENDING"});
  world.clock.Set(world.At("2026-01-17T18:59:00Z"));
  world.Settle();
  CHECK(world.TimesOf(series.id()) == Times{"2026-01-15T18:00:00Z SENDING",
                                            "2026-01-16T18:00:00Z MISSED",
                                            "2026-01-17T18:00:00Z SENDING"});
  const v1::Broadcast missed = world.BroadcastsOf(series.id()).at(1);
  CHECK(world.Text(missed.finish_time()) == "2026-01-17T18:59:00Z");
  CHECK(world.Ledger(missed.id()).counts().audience() == 0);
  bool told = false;
  for (const auto& event : world.Events<v1::BroadcastChanged>()) {
    told |= event.broadcast_id() == missed.id() && event.state() == v1::BROADCAST_STATE_MISSED;
  }
  CHECK(told);
  CHECK(world.GetSeries(series.id()).occurrences() == 3);
  CHECK(world.GetSeries(series.id()).missed() == 1);
  CHECK(world.SentTo() == std::map<int64_t, int>{{1, 2}});
}

TEST_CASE("An occurrence that became a broadcast, but could not begin, is counted as missed") {
  SeriesWorld world;
  const v1::Series series = world.CreateSeries(world.Daily());
  const v1::Series deleted = world.CreateSeries(world.Daily());
  world.clock.Set(world.At("2026-01-15T18:00:00Z"));
  while (*world.workers().series.RunOnce()) {
  }
  CHECK(world.TimesOf(series.id()) == Times{"2026-01-15T18:00:00Z SCHEDULED"});
  // One is started, but nothing can be decided; of the other's series nothing is left.
  const auto started = world.BroadcastsOf(series.id()).at(0);
  world.Sql(absl::StrCat("UPDATE channels.broadcasts SET state = ", v1::BROADCAST_STATE_EXPANDING,
                         " WHERE id = ", IdOf(started.id())));
  world.Sql(absl::StrCat("DELETE FROM channels.series WHERE id = ", IdOf(deleted.id())));
  world.clock.Set(world.At("2026-01-15T19:00:01Z"));
  world.Expand();
  for (const auto& each : {series, deleted}) {
    CHECK(world.TimesOf(each.id()) == Times{"2026-01-15T18:00:00Z MISSED"});
  }
  const v1::Series after = world.GetSeries(series.id());
  CHECK(after.occurrences() == 1);
  CHECK(after.missed() == 1);
  CHECK(after.state() == v1::SERIES_STATE_ACTIVE);
  // Both kinds add up.
  world.clock.Set(world.At("2026-01-16T19:30:00Z"));
  world.Settle();
  CHECK(world.GetSeries(series.id()).occurrences() == 2);
  CHECK(world.GetSeries(series.id()).missed() == 2);
  CHECK(world.SentTo().empty());
}

TEST_CASE("Of many missed occurrences the last ten become broadcasts, all are counted") {
  SeriesWorld world;
  const v1::Series series = world.CreateSeries(world.Daily());
  world.clock.Set(world.At("2026-02-14T18:30:00Z"));  // 31 occurrences, the last half an hour ago
  world.Settle();
  const Times times = world.TimesOf(series.id());
  REQUIRE(times.size() == kKeptMissed + 1);
  CHECK(times.front() == "2026-02-04T18:00:00Z MISSED");
  CHECK(times[9] == "2026-02-13T18:00:00Z MISSED");
  CHECK(times.back() == "2026-02-14T18:00:00Z SENDING");
  const v1::Series after = world.GetSeries(series.id());
  CHECK(after.occurrences() == 31);
  CHECK(after.missed() == 30);
  CHECK(world.Text(after.next_time()) == "2026-02-15T18:00:00Z");
}

}  // namespace
}  // namespace mo::channels
