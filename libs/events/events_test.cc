// The ordinary course: order, completeness, retries, dead letters, replicas, retention.
#include <atomic>
#include <random>
#include <thread>

#include "absl/time/clock.h"
#include "libs/events/world_test.h"

namespace mo::events {
namespace {

TEST_CASE("the partition of a key never changes") {
  CHECK(PartitionOf("contact-1") == 5);
  std::map<int, int> used;
  for (int i = 0; i < 8000; ++i) ++used[PartitionOf(absl::StrCat(i))];
  CHECK(used.size() == kPartitions);
  for (const auto& [partition, count] : used) CHECK(count > 800);
}

TEST_CASE("an event arrives with what was said about it") {
  World world;
  Source source(world);
  std::mutex mutex;
  std::vector<Event> events;
  Sink sink(world, "sink", [&](storage::Transaction&, const std::vector<Event>& batch) {
    std::lock_guard lock(mutex);
    events.insert(events.end(), batch.begin(), batch.end());
    return absl::OkStatus();
  });
  const absl::Time before = absl::Now();
  REQUIRE(source.database
              .As(7,
                  [&](storage::Transaction& tx) {
                    StringValue value;
                    value.set_value("a:1");
                    return source.outbox.Append(tx, 7, "a", value, "req_1");
                  })
              .ok());
  world.WaitForSeen("sink", 1);
  std::lock_guard lock(mutex);
  REQUIRE(events.size() == 1);
  CHECK(events[0].source == "source");
  CHECK(events[0].partition == PartitionOf("a"));
  CHECK(events[0].id > 0);
  CHECK(events[0].envelope.type() == "google.protobuf.StringValue");
  CHECK(events[0].envelope.account_id() == 7);
  CHECK(events[0].envelope.request_id() == "req_1");
  CHECK(FromProto(events[0].envelope.time()) >= before - absl::Milliseconds(1));
  CHECK(As<StringValue>(events[0])->value() == "a:1");
  CHECK(!As<google::protobuf::Int64Value>(events[0]));
}

TEST_CASE("urgent events do not overtake those of their key that are not") {
  World world;
  Source source(world);
  Sink sink(world, "sink", nullptr);
  const auto append = [&](absl::string_view text, Urgency urgency) {
    return source.database.As(7, [&](storage::Transaction& tx) {
      StringValue value;
      value.set_value(std::string(text));
      return source.outbox.Append(tx, 7, "a", value, "", urgency);
    });
  };
  for (int i = 1; i <= 20; ++i) {
    REQUIRE(append(absl::StrCat("a:", i), i % 2 == 0 ? Urgency::kSoon : Urgency::kNow).ok());
  }
  // And the last one needs no other to come.
  REQUIRE(append("a:21", Urgency::kSoon).ok());
  world.WaitForSeen("sink", 21);
  world.CheckComplete("sink", 1, 21);
}

TEST_CASE("what is rolled back, or of another account, is never an event") {
  World world;
  Source source(world);
  Sink sink(world);
  auto append = [&](int64_t account, absl::Status end) {
    return source.database.As(1, [&](storage::Transaction& tx) -> absl::Status {
      StringValue value;
      value.set_value("a:99");
      MO_RETURN_IF_ERROR(source.outbox.Append(tx, account, "a", value));
      return end;
    });
  };
  CHECK(!append(1, absl::InternalError("no")).ok());
  CHECK(append(2, absl::OkStatus()).code() == absl::StatusCode::kPermissionDenied);
  REQUIRE(source.Send("a", 1).ok());
  world.WaitForSeen("sink", 1);
  CHECK(world.Seen("sink")["a"] == std::vector<int>{1});
}

TEST_CASE("what a consumer does not want is passed over, and not read again") {
  World world;
  Source source(world);
  std::string other = "b";
  while (PartitionOf(other) != PartitionOf("a")) other += "b";
  std::atomic<int> looked{0};
  auto wants = [&](const Event& event) {
    ++looked;
    return As<StringValue>(event)->value().front() == 'a';
  };
  auto stored = [&] {
    return world.Count("SELECT count(*) FROM sink.event_offsets WHERE partition = " +
                       absl::StrCat(PartitionOf("a")) +
                       " AND id = (SELECT max(id) FROM source.outbox)") == 1;
  };
  {
    Sink sink(world, "sink", nullptr, 10, wants);
    for (int number = 1; number <= 3; ++number) {
      REQUIRE(source.Send(other, number).ok());
      REQUIRE(source.Send("a", number).ok());
    }
    REQUIRE(source.Send(other, 4).ok());
    world.WaitForSeen("sink", 3);
    WaitFor(stored, "the offset behind what was not wanted");
    CHECK(sink.Metric("mo_events_handled_total") == 3);
  }
  CHECK(looked == 7);
  Sink sink(world, "sink", nullptr, 10, wants);
  REQUIRE(source.Send("a", 4).ok());
  world.WaitForSeen("sink", 4);
  CHECK(looked == 8);
  CHECK(world.Seen("sink") == std::map<std::string, std::vector<int>>{{"a", {1, 2, 3, 4}}});
}

// Writers take a key's next number under its row's lock, in transactions of any length, some of
// which have begun long before: only the order of commits tells the numbers' order.
TEST_CASE("events of a key come in the order of commits, whatever the writers do") {
  World world;
  Source source(world);
  Sink sink(world);
  constexpr int kThreads = 8, kKeys = 5, kRounds = 120;
  REQUIRE(source.database
              .As(1,
                  [](storage::Transaction& tx) {
                    return tx.Run(
                        "INSERT INTO source.counters SELECT 1, 'k' || n, 0 FROM "
                        "generate_series(0, 9) n");
                  })
              .ok());
  std::vector<std::thread> threads;
  std::atomic<int> failed = 0;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::minstd_rand random(static_cast<unsigned>(t + 1));
      for (int i = 0; i < kRounds; ++i) {
        const std::string key = absl::StrCat("k", random() % kKeys);
        const double early = static_cast<double>(random() % 4) / 1000;
        const double late = static_cast<double>(random() % 3) / 1000;
        absl::Status status = source.database.As(1, [&](storage::Transaction& tx) -> absl::Status {
          // The transaction gets its number here, long before the lock.
          MO_RETURN_IF_ERROR(tx.Run("SELECT pg_current_xact_id(), pg_sleep($1)", early));
          MO_ASSIGN_OR_RETURN(
              storage::Result row,
              tx.Query("UPDATE source.counters SET value = value + 1 WHERE key = $1 "
                       "RETURNING value",
                       key));
          StringValue value;
          value.set_value(absl::StrCat(key, ":", row[0].Int(0)));
          MO_RETURN_IF_ERROR(source.outbox.Append(tx, 1, key, value));
          return tx.Run("SELECT pg_sleep($1)", late);
        });
        if (!status.ok()) ++failed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  REQUIRE(failed == 0);
  world.WaitForSeen("sink", kThreads * kRounds);
  int total = 0;
  for (const auto& [key, numbers] : world.Seen("sink")) {
    INFO(key);
    for (size_t i = 0; i < numbers.size(); ++i) REQUIRE(numbers[i] == static_cast<int>(i) + 1);
    total += static_cast<int>(numbers.size());
  }
  CHECK(total == kThreads * kRounds);
}

TEST_CASE("an open transaction holds events back, and none is lost when it ends") {
  World world;
  Source source(world);
  Sink sink(world);
  REQUIRE(source.Send("a", 1).ok());
  world.WaitForSeen("sink", 1);
  REQUIRE(source.database
              .As(1,
                  [&](storage::Transaction& tx) -> absl::Status {
                    StringValue value;
                    value.set_value("a:2");
                    MO_RETURN_IF_ERROR(source.outbox.Append(tx, 1, "a", value));
                    tx.BeforeCommit([&] {
                      // Now the event has its id.
                      REQUIRE(tx.Run("SELECT 1").ok());
                      // Commits before, has a higher id.
                      REQUIRE(source.Send("a", 3).ok());
                      WaitFor(
                          [&] { return world.Count("SELECT count(*) FROM source.outbox") == 2; },
                          "the later event to be committed");
                    });
                    return absl::OkStatus();
                  })
              .ok());
  world.WaitForSeen("sink", 3);
  world.CheckComplete("sink", 1, 3);
}

TEST_CASE("a handler's error undoes its effect, and the batch is tried again") {
  World world;
  Source source(world);
  std::atomic<int> calls = 0;
  Sink sink(world, "sink", [&](storage::Transaction&, const std::vector<Event>&) {
    const int call = ++calls;
    if (call == 1) return absl::UnavailableError("later");
    if (call == 2) throw std::runtime_error("a bug");
    return call == 3 ? absl::InternalError("again") : absl::OkStatus();
  });
  source.SendAll(1, 1, 3);
  world.WaitForSeen("sink", 3);
  world.CheckComplete("sink", 1, 3);
  CHECK(calls >= 4);
  CHECK(sink.Metric("mo_events_retries_total") >= 3);
  CHECK(world.Count("SELECT count(*) FROM sink.dead_events") == 0);
}

TEST_CASE("a poisonous event is parked, alone, and its partition goes on") {
  World world;
  Source source(world);
  Sink sink(
      world, "sink",
      [](storage::Transaction&, const std::vector<Event>& batch) {
        for (const Event& event : batch) {
          if (As<StringValue>(event)->value() == "k0:5") return absl::InternalError("poison");
        }
        return absl::OkStatus();
      },
      4);
  source.SendAll(1, 1, 10);
  world.WaitForSeen("sink", 9);
  CHECK(world.Seen("sink")["k0"] == std::vector<int>{1, 2, 3, 4, 6, 7, 8, 9, 10});
  CHECK(world.Count("SELECT count(*) FROM sink.dead_events WHERE account_id = 1 AND consumer = "
                    "'sink' AND error LIKE '%poison%'") == 1);
  CHECK(sink.Metric("mo_events_dead_total") == 1);
}

TEST_CASE("what time cures is never parked") {
  World world;
  Source source(world);
  std::atomic<int> calls = 0;
  Sink sink(
      world, "sink",
      [&](storage::Transaction&, const std::vector<Event>&) {
        return ++calls < 8 ? absl::DeadlineExceededError("slow") : absl::OkStatus();
      },
      2);
  REQUIRE(source.Send("a", 1).ok());
  world.WaitForSeen("sink", 1);
  CHECK(world.Count("SELECT count(*) FROM sink.dead_events") == 0);
}

TEST_CASE("a partition that waits does not hold up another") {
  World world;
  Source source(world);
  std::atomic<bool> open = false;
  Sink sink(world, "sink", [&](storage::Transaction&, const std::vector<Event>& batch) {
    const bool blocked = batch[0].partition == PartitionOf("a") && !open;
    return blocked ? absl::UnavailableError("wait") : absl::OkStatus();
  });
  REQUIRE(PartitionOf("a") != PartitionOf("c"));
  REQUIRE(source.Send("a", 1).ok());
  REQUIRE(source.Send("c", 1).ok());
  world.WaitForSeen("sink", 1);
  CHECK(world.Seen("sink").count("c") == 1);
  open = true;
  world.WaitForSeen("sink", 2);
}

TEST_CASE("replicas share the partitions, and take over from one that ends") {
  World world;
  auto source = std::make_unique<Source>(world);
  auto source2 = std::make_unique<Source>(world);
  auto first = std::make_unique<Sink>(world);
  source->SendAll(40, 1, 5);
  Sink second(world);
  auto locks = [&](const std::string& comparison) {
    // A lock of a partition is exclusive, the membership is shared.
    return world.Count(
        "SELECT count(*) FROM (SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid) "
        "WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND usename = "
        "'mo_sink_system' AND datname = current_database() GROUP BY pid HAVING count(*) " +
        comparison + ") t");
  };
  WaitFor([&] { return locks("= 4") == 2; }, "an equal share for each");
  // The writer is not the relay's leader: the leader's process publishes.
  source2->SendAll(40, 6, 10);
  world.WaitForSeen("sink", 400);
  first.reset();
  source.reset();  // and the leadership goes over
  source2->SendAll(40, 11, 15);
  world.WaitForSeen("sink", 600);
  world.CheckComplete("sink", 40, 15);
  WaitFor([&] { return locks("= 8") == 1; }, "the one that is left to have all");
}

TEST_CASE("old rows go when every consumer has passed them, and not before") {
  World world;
  Source source(world, {.retention = absl::ZeroDuration()});
  auto sink = std::make_unique<Sink>(world);
  source.SendAll(8, 1, 5);
  world.WaitForSeen("sink", 40);
  WaitFor(
      [&] { return world.Count("SELECT coalesce(max(id), 0) FROM source.event_consumers") >= 40; },
      "the relay to know how far the consumer is");
  sink.reset();
  source.SendAll(8, 6, 6);
  WaitFor(
      [&] {
        REQUIRE(source.outbox.DeleteOld().ok());
        return world.Count("SELECT count(*) FROM source.outbox") == 8;
      },
      "what was handled to be deleted");
  REQUIRE(source.outbox.DeleteOld().ok());
  CHECK(world.Count("SELECT count(*) FROM source.outbox") == 8);
  Sink again(world);
  world.WaitForSeen("sink", 48);
  world.CheckComplete("sink", 8, 6);
}

TEST_CASE("streams are trimmed to what some consumer needs") {
  World world;
  Source source(world);
  Sink sink(world);
  for (int round = 0; round < 10; ++round) source.SendAll(40, round * 5 + 1, round * 5 + 5);
  world.WaitForSeen("sink", 2000);
  WaitFor(
      [&] {
        int64_t length = 0;
        for (int i = 0; i < kPartitions; ++i) {
          length += world.Redis({"XLEN", absl::StrCat("mo:{source}:events:", i)}).integer;
        }
        return length < kPartitions * 110;  // Redis trims in nodes of 100
      },
      "the streams to be short");
}

TEST_CASE("an app with no Redis starts, and stops promptly") {
  World world;
  Source source(world);
  Sink sink(world);
  REQUIRE(source.Send("a", 1).ok());
  world.WaitForSeen("sink", 1);
  world.redis.Kill();
  REQUIRE(source.Send("a", 2).ok());
  Source other(world);
  const absl::Time start = absl::Now();
  other.app.Stop();
  sink.app.Stop();
  source.app.Stop();
  CHECK(absl::Now() - start < absl::Seconds(3));  // three apps
}

}  // namespace
}  // namespace mo::events
