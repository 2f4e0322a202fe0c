// Wiped, killed, cut off: nothing is lost, nothing is handled twice.
#include <atomic>
#include <thread>

#include "absl/time/clock.h"
#include "libs/events/world_test.h"
#include "libs/redis/script.h"

namespace mo::embedded {
absl::string_view events_publish();
}

namespace mo::events {
namespace {

TEST_CASE("a Redis that is wiped again and again loses and doubles nothing") {
  World world;
  Source source(world);
  Sink sink(world);
  std::atomic<bool> done = false;
  std::thread wiper([&] {
    while (!done) {
      world.redis.Wipe();
      std::this_thread::yield();
    }
  });
  source.SendAll(20, 1, 50);
  done = true;
  wiper.join();
  world.WaitForSeen("sink", 1000);
  world.CheckComplete("sink", 20, 50);
}

TEST_CASE("a wipe while nothing happens brings back what a consumer has not seen") {
  World world;
  Source source(world);
  auto sink = std::make_unique<Sink>(world);
  source.SendAll(20, 1, 10);
  world.WaitForSeen("sink", 200);
  sink.reset();
  source.SendAll(20, 11, 20);
  WaitFor(
      [&] {
        return world.Redis({"XLEN", "mo:{source}:events:0"}).integer > 0;
      },
      "events to be published");
  world.redis.Wipe();
  sink = std::make_unique<Sink>(world);
  world.WaitForSeen("sink", 400);
  world.CheckComplete("sink", 20, 20);
}

TEST_CASE("Redis killed and started again") {
  World world;
  Source source(world);
  Sink sink(world);
  for (int round = 0; round < 3; ++round) {
    source.SendAll(20, round * 20 + 1, round * 20 + 10);
    world.redis.Kill();
    source.SendAll(20, round * 20 + 11, round * 20 + 20);
    world.redis.Start();
  }
  world.WaitForSeen("sink", 1200);
  world.CheckComplete("sink", 20, 60);
}

TEST_CASE("PostgreSQL cuts relay and consumer off again and again") {
  World world;
  Source source(world);
  Sink sink(world);
  for (int number = 1; number <= 30; ++number) {
    // Relay and consumer; the writer's own commit would be in doubt.
    if (number % 5 == 0) world.Disconnect("mo\\_%\\_system");
    for (int key = 0; key < 10; ++key) REQUIRE(source.Send(absl::StrCat("k", key), number).ok());
  }
  world.WaitForSeen("sink", 300);
  world.CheckComplete("sink", 10, 30);
}

TEST_CASE("a consumer cut off between its effect and the commit handles the batch once") {
  World world;
  Source source(world);
  std::atomic<int> calls = 0;
  Sink sink(world, "sink", [&](storage::Transaction&, const std::vector<Event>&) {
    if (++calls % 3 == 1) world.Disconnect("mo\\_sink\\_system");
    return absl::OkStatus();
  });
  source.SendAll(10, 1, 20);
  world.WaitForSeen("sink", 200);
  world.CheckComplete("sink", 10, 20);
}

TEST_CASE("a process that has lost its partition without knowing cannot move it") {
  World world;
  Source source(world);
  std::atomic<bool> stolen = false;
  // Somebody else handles the same batch and commits first.
  Sink sink(world, "sink", [&](storage::Transaction&, const std::vector<Event>& batch) {
    if (stolen.exchange(true)) return absl::OkStatus();
    world.Count(absl::StrCat("UPDATE sink.event_offsets SET id = ", batch.back().id,
                             " WHERE partition = ", batch[0].partition, " RETURNING 1"));
    return absl::OkStatus();
  });
  REQUIRE(source.Send("a", 1).ok());
  WaitFor([&] { return stolen.load(); }, "the theft");
  REQUIRE(source.Send("a", 2).ok());
  world.WaitForSeen("sink", 1);
  CHECK(world.Seen("sink")["a"] == std::vector<int>{2});
}

TEST_CASE("processes end and begin at any time") {
  World world;
  std::atomic<bool> done = false;
  auto source = std::make_unique<Source>(world);
  std::thread sinks([&] {
    while (!done) {
      Sink sink(world);
      const int64_t before = world.SeenCount("sink");
      WaitFor([&] { return done || world.SeenCount("sink") > before; }, "progress");
    }
  });
  for (int round = 0; round < 6; ++round) {
    source->SendAll(20, round * 10 + 1, round * 10 + 10);
    source = std::make_unique<Source>(world);
  }
  done = true;
  sinks.join();
  Sink sink(world);
  world.WaitForSeen("sink", 1200);
  world.CheckComplete("sink", 20, 60);
}

TEST_CASE("a consumer that comes late gets everything that the outbox has, others go on") {
  World world;
  Source source(world, {.stream_limit = 10});
  Sink early(world, "early");
  source.SendAll(30, 1, 60);
  world.WaitForSeen("early", 1800);
  // The streams no longer have it all.
  WaitFor(
      [&] {
        int64_t length = 0;
        for (int i = 0; i < kPartitions; ++i) {
          length += world.Redis({"XLEN", absl::StrCat("mo:{source}:events:", i)}).integer;
        }
        return length < 1800;
      },
      "the streams to be trimmed");
  Sink late(world, "late");
  source.SendAll(30, 61, 70);
  world.WaitForSeen("early", 2100);
  world.WaitForSeen("late", 2100);
  world.CheckComplete("early", 30, 70);
  world.CheckComplete("late", 30, 70);
  WaitFor(
      [&] {
        return world.Redis({"HLEN", "mo:{source}:replays"}).integer == 0;
      },
      "the replays to end");
}

TEST_CASE("a consumer that comes when all events are gone does not wait for them") {
  World world;
  Source source(world);
  Sink early(world, "early");
  source.SendAll(1, 1, 5);
  world.WaitForSeen("early", 5);
  const std::string stream = absl::StrCat("mo:{source}:events:", PartitionOf("k0"));
  world.Count("DELETE FROM source.outbox");
  world.Redis({"XTRIM", stream, "MAXLEN", "0"});
  Sink late(world, "late");
  const auto offset = [&](const std::string& consumer) {
    return world.Count(absl::StrCat("SELECT coalesce(max(id), 0) FROM sink.event_offsets WHERE ",
                                    "consumer = '", consumer, "'"));
  };
  WaitFor([&] { return offset("late") == offset("early"); }, "it stands behind them");
  WaitFor(
      [&] {
        return world.Redis({"HLEN", "mo:{source}:replays"}).integer == 0;
      },
      "the replay to end");
  CHECK(world.SeenCount("late") == 0);
  source.SendAll(1, 6, 7);
  world.WaitForSeen("late", 2);
}

TEST_CASE("events that vanish from a stream come back, also when nothing follows them") {
  World world;
  Source source(world);
  std::atomic<bool> open = false;
  Sink sink(world, "sink", [&](storage::Transaction&, const std::vector<Event>&) {
    return open ? absl::OkStatus() : absl::UnavailableError("wait");
  });
  source.SendAll(1, 1, 5);
  const std::string stream = absl::StrCat("mo:{source}:events:", PartitionOf("k0"));
  WaitFor([&] { return world.Redis({"XLEN", stream}).integer == 5; }, "the events to be published");
  sink.app.Stop();  // what it has read is gone with it
  world.Redis({"XTRIM", stream, "MAXLEN", "0"});
  open = true;
  Sink again(world);
  world.WaitForSeen("sink", 5);
  world.CheckComplete("sink", 1, 5);
}

TEST_CASE("a consumer that falls behind its stream while it runs misses nothing") {
  World world;
  Source source(world);
  std::atomic<bool> open = false;
  std::atomic<int> calls = 0;
  Sink sink(world, "sink", [&](storage::Transaction&, const std::vector<Event>&) {
    ++calls;
    return open ? absl::OkStatus() : absl::UnavailableError("wait");
  });
  source.SendAll(1, 1, 1);
  WaitFor([&] { return calls > 0; }, "the first event to be read");
  source.SendAll(1, 2, 300);
  const std::string stream = absl::StrCat("mo:{source}:events:", PartitionOf("k0"));
  WaitFor([&] { return world.Redis({"XLEN", stream}).integer >= 300; }, "the rest in the stream");
  world.Redis({"XTRIM", stream, "MAXLEN", "1"});
  open = true;
  world.WaitForSeen("sink", 300);
  world.CheckComplete("sink", 1, 300);
}

TEST_CASE("entries are appended only where the caller believes the stream to be") {
  testing::Redis redis;
  redis::Connection connection({redis.url()});
  const redis::Script script(embedded::events_publish());
  auto run = [&](absl::string_view expected, absl::string_view create, absl::string_view id) {
    auto reply = script.Run(connection, {"s", "r"}, {expected, create, "1", id, expected, "e"});
    REQUIRE(reply.ok());
    return std::make_pair((*reply)[0].integer, (*reply)[1].string);
  };
  using Answer = std::pair<int64_t, std::string>;
  CHECK(run("5-0", "0", "6-0") == Answer(0, "0-0"));  // missing
  CHECK(run("5-0", "1", "6-0") == Answer(1, "6-0"));  // begun after 5
  CHECK(run("5-0", "1", "6-0") == Answer(0, "6-0"));  // a second leader with the same batch
  CHECK(run("7-0", "0", "8-0") == Answer(0, "6-0"));  // would leave a gap
  CHECK(run("6-0", "0", "7-0") == Answer(1, "7-0"));
  CHECK(connection.Command({"XLEN", "s"})->integer == 2);
}

TEST_CASE("a replay survives a wipe") {
  World world;
  Source source(world);
  source.SendAll(4, 1, 500);
  for (int i = 0; i < kPartitions; ++i) {
    const std::string stream = absl::StrCat("mo:{source}:events:", i);
    WaitFor(
        [&] {
          return world.Redis({"XLEN", stream}).integer ==
                 world.Count(
                     absl::StrCat("SELECT count(*) FROM source.outbox WHERE partition = ", i));
        },
        "the events to be published");
    world.Redis({"XTRIM", stream, "MAXLEN", "1"});
  }
  std::atomic<int> calls = 0;
  Sink sink(world, "sink", [&](storage::Transaction&, const std::vector<Event>&) {
    if (++calls == 3 || calls == 6) world.redis.Wipe();
    return absl::OkStatus();
  });
  world.WaitForSeen("sink", 2000);
  world.CheckComplete("sink", 4, 500);
}

TEST_CASE("a database made anew is not held up by streams of the old one") {
  World world;
  world.Redis({"XADD", "mo:{source}:events:0", "1000000-0", "p", "0-0", "e", ""});
  for (int i = 1; i < kPartitions; ++i) {
    world.Redis({"XADD", absl::StrCat("mo:{source}:events:", i), "1000000-0", "p", "0-0", "e", ""});
  }
  world.Redis({"HSET", "mo:{source}:acks", "sink.sink/0", "1000000-0"});
  Source source(world);
  WaitFor(
      [&] {
        return world.Redis({"EXISTS", "mo:{source}:events:0"}).integer == 0;
      },
      "the old streams to go");
  Sink sink(world);
  source.SendAll(20, 1, 5);
  world.WaitForSeen("sink", 100);
  world.CheckComplete("sink", 20, 5);
}

}  // namespace
}  // namespace mo::events
