// Dead events: what was parked is handled once when its replay is asked for, or not at all.
#include <atomic>
#include <functional>
#include <list>

#include "libs/events/world_test.h"

namespace mo::events {
namespace {

// Refuses the keys that begin with "bad" until it is mended.
struct Mendable {
  std::atomic<bool> mended = false;

  absl::Status operator()(const std::vector<Event>& batch) const {
    for (const Event& event : batch) {
      if (!mended && As<StringValue>(event)->value().starts_with("bad")) {
        return absl::InternalError("poison");
      }
    }
    return absl::OkStatus();
  }
};

// A source, and sinks that park what they have refused twice. Handlers live longer than it.
struct DeadWorld : World {
  // What a sink's handler makes of a batch.
  using Handler = std::function<absl::Status(const std::vector<Event>&)>;

  Sink& Start(Handler handler) {
    return sinks.emplace_back(
        *this, "sink",
        [handler = std::move(handler)](storage::Transaction&, const std::vector<Event>& batch) {
          return handler(batch);
        },
        2);
  }
  Sink& Start(const Mendable& handler) { return Start(Handler(std::ref(handler))); }
  void Send(const std::string& key, int number) { REQUIRE(source.Send(key, number).ok()); }
  // What tools/dead-events does.
  void AskForReplay() const {
    Count("UPDATE sink.dead_events SET replay_time = now() RETURNING 1");
  }
  void WaitForParked(int64_t count) const {
    WaitFor([&] { return Count("SELECT count(*) FROM sink.dead_events") == count; },
            absl::StrCat(count, " events to be parked"));
  }
  // Has an event of that key parked.
  void Park(const std::string& key) {
    Send(key, 1);
    WaitForParked(1);
  }
  // Has all that is parked replayed.
  void Replay() const {
    AskForReplay();
    WaitForParked(0);
  }

  Source source{*this};
  std::list<Sink> sinks;
};

TEST_CASE("a dead event is handled once when its handler was mended and its replay asked for") {
  Mendable handler;
  DeadWorld world;
  Sink& sink = world.Start(handler);
  world.Park("bad");
  world.Send("good", 1);
  world.WaitForSeen("sink", 1);
  WaitFor([&] { return sink.Metric("mo_events_dead") == 1; }, "the gauge to show it");
  CHECK(world.Count("SELECT count(*) FROM sink.dead_events WHERE attempts = 0 AND replay_time IS "
                    "NULL AND type = 'google.protobuf.StringValue'") == 1);
  handler.mended = true;
  world.Replay();
  WaitFor([&] { return sink.Metric("mo_events_dead") == 0; }, "the gauge to show that it is gone");
  // Nothing comes again with what follows.
  world.Send("bad", 2);
  world.WaitForSeen("sink", 3);
  CHECK(world.Seen("sink") ==
        std::map<std::string, std::vector<int>>{{"bad", {1, 2}}, {"good", {1}}});
}

TEST_CASE("a replay that is refused is counted, has no effect, and is not made again unasked") {
  std::atomic<int> calls = 0;
  DeadWorld world;
  world.Start(
      [&](const auto&) { return absl::InternalError(++calls <= 2 ? "at first" : "still"); });
  world.Park("bad");
  for (int attempt = 1; attempt <= 2; ++attempt) {
    world.AskForReplay();
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
  std::atomic<int> calls = 0;
  DeadWorld world;
  world.Start([&](const auto&) {
    if (++calls <= 2) return absl::InternalError("poison");
    if (calls <= 4) world.Disconnect("mo\\_sink\\_system");
    return absl::OkStatus();
  });
  world.Park("bad");
  world.Replay();
  CHECK(calls == 5);
  CHECK(world.Seen("sink")["bad"] == std::vector<int>{1});
}

TEST_CASE("an event that was discarded, or handled elsewhere, during its replay has no effect") {
  std::atomic<int> calls = 0;
  DeadWorld world;
  world.Start([&](const auto&) {
    if (++calls <= 2) return absl::InternalError("poison");
    if (calls == 3) world.Count("DELETE FROM sink.dead_events RETURNING 1");
    return absl::OkStatus();
  });
  world.Park("bad");
  world.Replay();
  world.Send("good", 1);
  world.WaitForSeen("sink", 1);
  CHECK(calls == 4);
  CHECK(world.Seen("sink") == std::map<std::string, std::vector<int>>{{"good", {1}}});
}

TEST_CASE("replicas replay what is of their partitions, each once") {
  constexpr int kKeys = 24;
  Mendable handler;
  DeadWorld world;
  Sink& first = world.Start(handler);
  Sink& second = world.Start(handler);
  for (int key = 0; key < kKeys; ++key) world.Send(absl::StrCat("bad", key), 1);
  world.WaitForParked(kKeys);
  WaitFor(
      [&] {
        return first.Metric("mo_events_dead") > 0 && second.Metric("mo_events_dead") > 0 &&
               first.Metric("mo_events_dead") + second.Metric("mo_events_dead") == kKeys;
      },
      "each to count its own");
  handler.mended = true;
  world.Replay();
  world.CheckComplete("sink", kKeys, 1);
}

TEST_CASE("dead events of a database from before replays can be replayed") {
  Mendable handler;
  DeadWorld world;
  world.Start(handler);
  world.Park("bad");
  world.sinks.clear();
  world.Count(
      "DO $$ BEGIN ALTER TABLE sink.dead_events DROP COLUMN type, DROP COLUMN attempts, "
      "DROP COLUMN replay_time; END $$");
  handler.mended = true;
  world.Start(handler);
  world.Replay();
  CHECK(world.Seen("sink")["bad"] == std::vector<int>{1});
}

}  // namespace
}  // namespace mo::events
