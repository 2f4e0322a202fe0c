// Dead events: what was parked is handled once when its replay is asked for, or not at all.
#include <atomic>

#include "libs/events/world_test.h"

namespace mo::events {
namespace {

constexpr char kParked[] = "SELECT count(*) FROM sink.dead_events";

// A handler that refuses the keys that begin with "bad" until it is mended.
struct Mendable {
  std::atomic<bool> mended = false;

  Sink::Hook hook() {
    return [this](storage::Transaction&, const std::vector<Event>& batch) {
      for (const Event& event : batch) {
        if (!mended && As<StringValue>(event)->value().starts_with("bad")) {
          return absl::InternalError("poison");
        }
      }
      return absl::OkStatus();
    };
  }
};

// What tools/dead-events does.
void AskForReplay(const World& world) {
  world.Count("UPDATE sink.dead_events SET replay_time = now() RETURNING 1");
}

void WaitForParked(const World& world, int64_t count) {
  WaitFor([&] { return world.Count(kParked) == count; },
          absl::StrCat(count, " events to be parked"));
}

TEST_CASE("a dead event is handled once when its handler was mended and its replay asked for") {
  World world;
  Source source(world);
  Mendable handler;
  Sink sink(world, "sink", handler.hook(), 2);
  REQUIRE(source.Send("bad", 1).ok());
  REQUIRE(source.Send("good", 1).ok());
  WaitForParked(world, 1);
  world.WaitForSeen("sink", 1);
  WaitFor([&] { return sink.Metric("mo_events_dead") == 1; }, "the gauge to show it");
  CHECK(world.Count("SELECT count(*) FROM sink.dead_events WHERE attempts = 0 AND replay_time IS "
                    "NULL AND type = 'google.protobuf.StringValue'") == 1);
  handler.mended = true;
  AskForReplay(world);
  WaitForParked(world, 0);
  WaitFor([&] { return sink.Metric("mo_events_dead") == 0; }, "the gauge to show that it is gone");
  // Nothing comes again with what follows.
  REQUIRE(source.Send("bad", 2).ok());
  world.WaitForSeen("sink", 3);
  CHECK(world.Seen("sink") ==
        std::map<std::string, std::vector<int>>{{"bad", {1, 2}}, {"good", {1}}});
}

TEST_CASE("a replay that is refused is counted, has no effect, and is not made again unasked") {
  World world;
  Source source(world);
  std::atomic<int> calls = 0;
  Sink sink(
      world, "sink",
      [&](storage::Transaction&, const std::vector<Event>&) {
        return absl::InternalError(++calls <= 2 ? "at first" : "still");
      },
      2);
  REQUIRE(source.Send("bad", 1).ok());
  WaitForParked(world, 1);
  for (int attempt = 1; attempt <= 2; ++attempt) {
    AskForReplay(world);
    WaitFor(
        [&] {
          return world.Count(absl::StrCat("SELECT count(*) FROM sink.dead_events WHERE attempts = ",
                                          attempt, " AND replay_time IS NULL")) == 1;
        },
        "the attempt to be counted");
  }
  CHECK(calls == 4);
  CHECK(world.Count("SELECT count(*) FROM sink.dead_events WHERE error LIKE '%still%'") == 1);
  CHECK(world.SeenCount("sink") == 0);
}

TEST_CASE("a replay cut off between its effect and the commit is made again, and handled once") {
  World world;
  Source source(world);
  std::atomic<int> calls = 0;
  Sink sink(
      world, "sink",
      [&](storage::Transaction&, const std::vector<Event>&) {
        if (++calls <= 2) return absl::InternalError("poison");
        if (calls <= 4) world.Disconnect("mo\\_sink\\_system");
        return absl::OkStatus();
      },
      2);
  REQUIRE(source.Send("bad", 1).ok());
  WaitForParked(world, 1);
  AskForReplay(world);
  WaitForParked(world, 0);
  CHECK(calls == 5);
  CHECK(world.Seen("sink")["bad"] == std::vector<int>{1});
}

TEST_CASE("an event that was discarded, or handled elsewhere, during its replay has no effect") {
  World world;
  Source source(world);
  std::atomic<int> calls = 0;
  Sink sink(
      world, "sink",
      [&](storage::Transaction&, const std::vector<Event>&) {
        if (++calls <= 2) return absl::InternalError("poison");
        if (calls == 3) world.Count("DELETE FROM sink.dead_events RETURNING 1");
        return absl::OkStatus();
      },
      2);
  REQUIRE(source.Send("bad", 1).ok());
  WaitForParked(world, 1);
  AskForReplay(world);
  WaitForParked(world, 0);
  REQUIRE(source.Send("good", 1).ok());
  world.WaitForSeen("sink", 1);
  CHECK(calls == 4);
  CHECK(world.Seen("sink") == std::map<std::string, std::vector<int>>{{"good", {1}}});
}

TEST_CASE("replicas replay what is of their partitions, each once") {
  constexpr int kKeys = 24;
  World world;
  Source source(world);
  Mendable handler;
  Sink first(world, "sink", handler.hook(), 2);
  Sink second(world, "sink", handler.hook(), 2);
  for (int key = 0; key < kKeys; ++key) REQUIRE(source.Send(absl::StrCat("bad", key), 1).ok());
  WaitForParked(world, kKeys);
  WaitFor(
      [&] {
        return first.Metric("mo_events_dead") > 0 && second.Metric("mo_events_dead") > 0 &&
               first.Metric("mo_events_dead") + second.Metric("mo_events_dead") == kKeys;
      },
      "each to count its own");
  handler.mended = true;
  AskForReplay(world);
  WaitForParked(world, 0);
  world.CheckComplete("sink", kKeys, 1);
}

TEST_CASE("dead events of a database from before replays can be replayed") {
  World world;
  Source source(world);
  Mendable handler;
  {
    Sink sink(world, "sink", handler.hook(), 2);
    REQUIRE(source.Send("bad", 1).ok());
    WaitForParked(world, 1);
  }
  world.Count(
      "DO $$ BEGIN ALTER TABLE sink.dead_events DROP COLUMN type, DROP COLUMN attempts, "
      "DROP COLUMN replay_time; END $$");
  handler.mended = true;
  Sink sink(world, "sink", handler.hook(), 2);
  AskForReplay(world);
  WaitForParked(world, 0);
  CHECK(world.Seen("sink")["bad"] == std::vector<int>{1});
}

}  // namespace
}  // namespace mo::events
