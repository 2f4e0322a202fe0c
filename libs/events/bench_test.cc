// How fast events are; run with `events_test "[.bench]"`.
#include <algorithm>
#include <atomic>
#include <cstdio>

#include "absl/time/clock.h"
#include "libs/events/world_test.h"

namespace mo::events {
namespace {

TEST_CASE("bench: latency from commit to handler, idle", "[.bench]") {
  World world;
  Source source(world);
  std::mutex mutex;
  std::condition_variable wake;
  std::map<int, absl::Time> seen;
  App app(world.Options());
  auto& database = storage::InstallDatabase(app, "sink", {{"0001", kSinkTables}});
  InstallConsumer(app, database, {"bench", {"source"}},
                  [&](storage::Transaction&, const std::vector<Event>& batch) {
                    const absl::Time now = absl::Now();
                    std::lock_guard lock(mutex);
                    for (const Event& event : batch) {
                      seen[std::stoi(As<StringValue>(event)->value().substr(2))] = now;
                    }
                    wake.notify_all();
                    return absl::OkStatus();
                  });
  REQUIRE(app.Start().ok());
  std::vector<double> millis;
  for (int i = 1; i <= 500; ++i) {
    REQUIRE(source.Send("a", i).ok());
    const absl::Time committed = absl::Now();
    std::unique_lock lock(mutex);
    REQUIRE(wake.wait_for(lock, std::chrono::seconds(10), [&] { return seen.count(i) > 0; }));
    millis.push_back(absl::ToDoubleMilliseconds(seen[i] - committed));
  }
  std::sort(millis.begin(), millis.end());
  std::printf("latency ms: p50 %.2f, p90 %.2f, p99 %.2f\n", millis[250], millis[450], millis[495]);
}

TEST_CASE("bench: events per second from the outbox to a handler", "[.bench]") {
  World world;
  constexpr int kEvents = 200000;
  {
    Source source(world);
    REQUIRE(source.database
                .AsSystem([&](storage::Transaction& tx) -> absl::Status {
                  for (int i = 0; i < 2000; ++i) {
                    StringValue value;
                    value.set_value(std::string(200, 'x'));
                    MO_RETURN_IF_ERROR(source.outbox.Append(tx, 1, absl::StrCat(i), value));
                  }
                  return tx.Run(absl::StrCat(
                      "INSERT INTO source.outbox (partition, account_id, envelope) SELECT "
                      "partition, account_id, envelope FROM source.outbox, generate_series(2, ",
                      kEvents / 2000, ")"));
                })
                .ok());
    source.app.Stop();
  }
  world.redis.Wipe();
  std::atomic<int> handled = 0;
  App app(world.Options());
  auto& from = storage::InstallDatabase(app, "source", {{"0001", kSourceTables}});
  InstallOutbox(app, from);
  auto& to = storage::InstallDatabase(app, "sink", {{"0001", kSinkTables}});
  InstallConsumer(app, to, {"bench", {"source"}},
                  [&](storage::Transaction&, const std::vector<Event>& batch) {
                    handled += static_cast<int>(batch.size());
                    return absl::OkStatus();
                  });
  const absl::Time start = absl::Now();
  REQUIRE(app.Start().ok());
  WaitFor([&] { return handled >= kEvents; }, "all to be handled", absl::Seconds(120));
  std::printf("events/s: %.0f\n", kEvents / absl::ToDoubleSeconds(absl::Now() - start));
}

}  // namespace
}  // namespace mo::events
