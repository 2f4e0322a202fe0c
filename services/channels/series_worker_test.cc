#include "services/channels/series_worker.h"

#include <catch2/catch.hpp>
#include <thread>

#include "services/channels/series_world.h"

namespace mo::channels {
namespace {

using Times = std::vector<std::string>;

TEST_CASE("An occurrence becomes a broadcast when its time has come, and then the next one") {
  SeriesWorld world;
  const v1::Series series = world.CreateSeries(world.Daily());
  CHECK(world.Text(series.next_time()) == "2026-01-15T18:00:00Z");
  world.clock.Set(world.At("2026-01-15T17:59:59Z"));
  world.Settle();
  CHECK(world.TimesOf(series.id()).empty());
  world.clock.Set(world.At("2026-01-15T18:00:00Z"));
  world.Settle();
  world.Settle();
  CHECK(world.TimesOf(series.id()) == Times{"2026-01-15T18:00:00Z SENDING"});
  CHECK(world.SentTo() == std::map<int64_t, int>{{1, 1}});
  const v1::Series after = world.GetSeries(series.id());
  CHECK(world.Text(after.next_time()) == "2026-01-16T18:00:00Z");
  CHECK(world.Text(after.last_time()) == "2026-01-15T18:00:00Z");
  CHECK(after.occurrences() == 1);
  CHECK(after.missed() == 0);
  CHECK(after.etag() != series.etag());
  const v1::Broadcast broadcast = world.BroadcastsOf(series.id()).at(0);
  CHECK(after.last_broadcast_id() == broadcast.id());
  CHECK(broadcast.series_id() == series.id());
  CHECK(broadcast.content().text().body() == "Good evening");
  CHECK_FALSE(broadcast.has_expire_time());
  // Others are not listed with the series', but all without the filter.
  world.Create(world.Request({}, {world.contact}));
  CHECK(world.BroadcastsOf(series.id()).size() == 1);
  CHECK(world.broadcasts
            .Call(&v1::BroadcastService::Stub::ListBroadcasts, world.caller(),
                  v1::ListBroadcastsRequest())
            ->broadcasts_size() == 2);
}

TEST_CASE("A step that dies leaves nothing; it is made again, once") {
  SeriesWorld world;
  const v1::Series series = world.CreateSeries(world.Daily());
  world.clock.Set(world.At("2026-01-15T18:00:00Z"));
  // Every table that the step writes to.
  for (const std::string table : {"broadcasts", "progress", "expansions", "series", "outbox"}) {
    CAPTURE(table);
    world.Sql(
        "CREATE FUNCTION channels.die() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE 'dead'; END $$");
    world.Sql("CREATE TRIGGER die BEFORE " +
              std::string(table == "series" ? "UPDATE OF version" : "INSERT") + " ON channels." +
              table + " FOR EACH ROW EXECUTE FUNCTION channels.die()");
    world.Settle();
    world.Sql("DROP FUNCTION channels.die() CASCADE");
    CHECK(world.TimesOf(series.id()).empty());
    CHECK(world.GetSeries(series.id()).occurrences() == 0);
    CHECK(world.Text(world.GetSeries(series.id()).next_time()) == "2026-01-15T18:00:00Z");
    // Tried again a little later, not at once.
    world.Settle();
    CHECK(world.TimesOf(series.id()).empty());
    world.clock.Advance(absl::Seconds(2));
  }
  world.Settle();
  CHECK(world.TimesOf(series.id()) == Times{"2026-01-15T18:00:00Z SENDING"});
  CHECK(world.Text(world.GetSeries(series.id()).next_time()) == "2026-01-16T18:00:00Z");
}

TEST_CASE("Workers side by side make each occurrence once, and all of them") {
  SeriesWorld world;
  constexpr int kSeries = 60;
  std::vector<std::string> ids;
  for (int i = 0; i < kSeries; ++i) ids.push_back(world.CreateSeries(world.Daily()).id());
  for (const char* time : {"2026-01-15T18:00:00Z", "2026-01-16T18:00:00Z"}) {
    world.clock.Set(world.At(time));
    std::vector<std::thread> workers;
    for (int i = 0; i < 4; ++i) {
      workers.emplace_back([&world] {
        // One that finds all of a batch locked comes again.
        for (int idle = 0; idle < 3;) {
          const auto more = world.workers().series.RunOnce();
          if (!more.ok() || !*more) ++idle;
        }
      });
    }
    for (std::thread& worker : workers) worker.join();
    world.Settle();
  }
  for (const std::string& id : ids) {
    CHECK(world.TimesOf(id) ==
          Times{"2026-01-15T18:00:00Z SENDING", "2026-01-16T18:00:00Z SENDING"});
  }
  CHECK(world.SentTo() == std::map<int64_t, int>{{1, 2 * kSeries}});
}

TEST_CASE("A series that cannot be settled keeps no other one waiting") {
  SeriesWorld world;
  std::vector<std::string> broken;
  for (int i = 0; i < 20; ++i) {
    v1::Series series = world.Daily();
    series.mutable_schedule()->set_time_of_day("17:00");
    broken.push_back(world.CreateSeries(series).id());
  }
  // As if the zone database had lost their zone.
  v1::Series definition = world.Daily();
  definition.mutable_schedule()->set_time_zone("Nowhere/Gone");
  std::string hex;
  for (const unsigned char byte : definition.SerializeAsString()) {
    absl::StrAppend(&hex, absl::Hex(byte, absl::kZeroPad2));
  }
  world.Sql("UPDATE channels.series SET definition = '\\x" + hex + "'");
  const v1::Series fine = world.CreateSeries(world.Daily());
  world.clock.Set(world.At("2026-01-15T18:00:00Z"));
  world.Settle();
  CHECK(world.TimesOf(fine.id()) == Times{"2026-01-15T18:00:00Z SENDING"});
  CHECK(world.TimesOf(broken[0]).empty());
  CHECK(world.GetSeries(broken[0]).occurrences() == 0);
}

TEST_CASE("Validity: the broadcast expires, and one that is later is missed") {
  SeriesWorld world;
  v1::Series wanted = world.Daily();
  wanted.set_validity_minutes(10);
  const v1::Series series = world.CreateSeries(wanted);
  world.clock.Set(world.At("2026-01-15T18:10:00Z"));
  world.Settle();
  world.clock.Set(world.At("2026-01-16T18:10:01Z"));
  world.Settle();
  const auto made = world.BroadcastsOf(series.id());
  REQUIRE(made.size() == 2);
  CHECK(made[0].state() == v1::BROADCAST_STATE_SENDING);
  CHECK(world.Text(made[0].expire_time()) == "2026-01-15T18:10:00Z");
  CHECK(made[1].state() == v1::BROADCAST_STATE_MISSED);
}

TEST_CASE("A series ends with its last occurrence, and says so") {
  SeriesWorld world;
  v1::Series wanted = world.Daily();
  SECTION("by number") { wanted.set_max_occurrences(2); }
  SECTION("by time") { *wanted.mutable_end_time() = ToProto(world.At("2026-01-16T18:00:00Z")); }
  const v1::Series series = world.CreateSeries(wanted);
  for (const char* time :
       {"2026-01-15T18:00:00Z", "2026-01-16T18:00:00Z", "2026-01-17T18:00:00Z"}) {
    world.clock.Set(world.At(time));
    world.Settle();
  }
  CHECK(world.TimesOf(series.id()) ==
        Times{"2026-01-15T18:00:00Z SENDING", "2026-01-16T18:00:00Z SENDING"});
  const v1::Series ended = world.GetSeries(series.id());
  CHECK(ended.state() == v1::SERIES_STATE_ENDED);
  CHECK_FALSE(ended.has_next_time());
  const auto events = world.Events<v1::SeriesChanged>();
  REQUIRE(events.size() == 2);
  CHECK(events.back().state() == v1::SERIES_STATE_ENDED);
  CHECK(ReasonOf(world.PauseSeries(series.id()).status()) == "SERIES_ENDED");
  CHECK(ReasonOf(world.ResumeSeries(series.id()).status()) == "SERIES_ENDED");
}

TEST_CASE("While a series is paused there are no occurrences, nor are they made up for") {
  SeriesWorld world;
  const std::string id = world.CreateSeries(world.Daily()).id();
  const auto paused = world.PauseSeries(id);
  REQUIRE(paused.ok());
  CHECK(paused->state() == v1::SERIES_STATE_PAUSED);
  CHECK_FALSE(paused->has_next_time());
  CHECK(world.PauseSeries(id)->etag() == paused->etag());
  world.clock.Set(world.At("2026-01-17T12:00:00Z"));
  world.Settle();
  CHECK(world.TimesOf(id).empty());
  const auto resumed = world.ResumeSeries(id);
  REQUIRE(resumed.ok());
  CHECK(resumed->state() == v1::SERIES_STATE_ACTIVE);
  CHECK(world.Text(resumed->next_time()) == "2026-01-17T18:00:00Z");
  CHECK(world.ResumeSeries(id)->etag() == resumed->etag());
  // Paused and resumed right before its time: it happens.
  world.clock.Set(world.At("2026-01-17T17:59:59Z"));
  REQUIRE(world.PauseSeries(id).ok());
  REQUIRE(world.ResumeSeries(id).ok());
  world.clock.Set(world.At("2026-01-17T18:00:00Z"));
  world.Settle();
  CHECK(world.TimesOf(id) == Times{"2026-01-17T18:00:00Z SENDING"});
  // Right after: not a second time.
  REQUIRE(world.PauseSeries(id).ok());
  CHECK(world.Text(world.ResumeSeries(id)->next_time()) == "2026-01-18T18:00:00Z");
  world.Settle();
  CHECK(world.TimesOf(id).size() == 1);
}

TEST_CASE("An occurrence that has not begun when its series is stopped or changed is canceled") {
  SeriesWorld world;
  const std::string id = world.CreateSeries(world.Daily()).id();
  world.clock.Set(world.At("2026-01-15T18:00:00Z"));
  // Before a worker has made it, or after.
  if (GENERATE(false, true)) REQUIRE(*world.workers().series.RunOnce());
  const int how = GENERATE(0, 1, 2);
  v1::Series change;
  change.set_id(id);
  if (how == 0) REQUIRE(world.PauseSeries(id).ok());
  if (how == 1) REQUIRE(world.DeleteSeries(id).ok());
  if (how == 2) {
    *change.mutable_schedule() = world.Daily().schedule();
    change.mutable_schedule()->set_time_of_day("18:01");
    const auto changed = world.Update(change);
    REQUIRE(changed.ok());
    CHECK(world.Text(changed->next_time()) == "2026-01-15T18:01:00Z");
  }
  world.Settle();
  CHECK(world.TimesOf(id) == Times{"2026-01-15T18:00:00Z CANCELED"});
  CHECK(world.SentTo().empty());
  world.clock.Set(world.At("2026-01-15T18:01:00Z"));
  world.Settle();
  CHECK(world.TimesOf(id).size() == (how == 2 ? 2 : 1));
}

TEST_CASE("One that has begun goes on; new words are for what is not made yet") {
  SeriesWorld world;
  const std::string id = world.CreateSeries(world.Daily()).id();
  v1::Series change;
  change.set_id(id);
  change.mutable_content()->mutable_text()->set_body("Late news");
  world.clock.Set(world.At("2026-01-15T18:00:00Z"));
  REQUIRE(world.Update(change).ok());  // due, but not made
  world.Settle();
  CHECK(world.BroadcastsOf(id).at(0).content().text().body() == "Late news");
  CHECK(world.TimesOf(id) == Times{"2026-01-15T18:00:00Z SENDING"});
  REQUIRE(world.DeleteSeries(id).ok());
  CHECK(world.TimesOf(id) == Times{"2026-01-15T18:00:00Z SENDING"});
  CHECK(world.Events<v1::SeriesChanged>().back().deleted());
}

TEST_CASE("An update in a process whose clock is behind repeats no occurrence") {
  SeriesWorld world;
  const std::string id = world.CreateSeries(world.Daily()).id();
  world.clock.Set(world.At("2026-01-15T18:00:00Z"));
  world.Settle();
  world.clock.Set(world.At("2026-01-15T17:59:58Z"));
  v1::Series change;
  change.set_id(id);
  *change.mutable_schedule() = world.Daily().schedule();
  CHECK(world.Text(world.Update(change)->next_time()) == "2026-01-16T18:00:00Z");
  REQUIRE(world.PauseSeries(id).ok());
  CHECK(world.Text(world.ResumeSeries(id)->next_time()) == "2026-01-16T18:00:00Z");
}

}  // namespace
}  // namespace mo::channels
