// What the tests of events share: a service "source" that writes, services "sink" that handle.
#pragma once

#include <google/protobuf/wrappers.pb.h>

#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/events/events.h"
#include "libs/redis/connection.h"
#include "libs/runtime/status.h"
#include "libs/testing/servers.h"
#include "libs/testing/wait.h"

namespace mo::events {

using google::protobuf::StringValue;
using testing::WaitFor;

inline constexpr char kSourceTables[] = R"(
  CREATE TABLE source.counters (account_id bigint NOT NULL, key text PRIMARY KEY, value bigint NOT NULL);
  SELECT mo.protect('source.counters');)";
inline constexpr char kSinkTables[] = R"(
  CREATE TABLE sink.seen (n bigserial, account_id bigint NOT NULL, consumer text NOT NULL, value text NOT NULL);
  SELECT mo.protect('sink.seen');)";

// The servers that outlive the processes.
struct World {
  testing::Postgres postgres;
  testing::Redis redis;

  AppOptions Options() const {
    AppOptions options;
    options.identity_key = "a key of tests, at least 32 bytes long";
    options.database_url = postgres.url();
    options.redis_url = redis.url();
    options.stop_deadline = absl::Seconds(2);
    return options;
  }
  // A statement past the product's own code.
  int64_t Count(const std::string& sql) const {
    auto connection = storage::Connection::Open(postgres.UrlAs("postgres"));
    auto result = (*connection)->Query(sql, storage::Parameters());
    INFO(result.status().ToString());
    REQUIRE(result.ok());
    return result->empty() ? 0 : (*result)[0].Int(0);
  }
  redis::Reply Redis(const redis::Arguments& arguments) const {
    redis::Connection connection({redis.url()});
    return connection.Command(arguments).value_or(redis::Reply());
  }
  // The connections of a role die, as in a restart of PostgreSQL.
  void Disconnect(const std::string& role) const {
    Count("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename LIKE '" +
          role + "%' AND datname = current_database()");
  }
  // What a consumer has seen, by key: values are "key:number".
  std::map<std::string, std::vector<int>> Seen(const std::string& consumer) const {
    auto connection = storage::Connection::Open(postgres.UrlAs("postgres"));
    auto rows = (*connection)
                    ->Query("SELECT value FROM sink.seen WHERE consumer = $1 ORDER BY n",
                            storage::Parameters(consumer));
    REQUIRE(rows.ok());
    std::map<std::string, std::vector<int>> seen;
    for (const storage::Row row : *rows) {
      const std::vector<std::string> parts = absl::StrSplit(row.String(0), ':');
      seen[parts[0]].push_back(std::stoi(parts[1]));
    }
    return seen;
  }
  int64_t SeenCount(const std::string& consumer) const {
    return Count("SELECT count(*) FROM sink.seen WHERE consumer = '" + consumer + "'");
  }
  void WaitForSeen(const std::string& consumer, int64_t count) const {
    WaitFor([&] { return SeenCount(consumer) >= count; },
            absl::StrCat(consumer, " to see ", count, " events"), absl::Seconds(30));
  }
  // Every key's numbers are 1, 2, … count: none is missing, doubled or out of order.
  void CheckComplete(const std::string& consumer, size_t keys, int count) const {
    const auto seen = Seen(consumer);
    CHECK(seen.size() == keys);
    for (const auto& [key, numbers] : seen) {
      INFO(key);
      REQUIRE(numbers.size() == static_cast<size_t>(count));
      for (int i = 0; i < count; ++i) REQUIRE(numbers[static_cast<size_t>(i)] == i + 1);
    }
  }
};

// A process of the service that writes.
struct Source {
  explicit Source(World& world, OutboxOptions options = {})
      : app(world.Options()),
        database(storage::InstallDatabase(app, "source", {{"0001", kSourceTables}})),
        outbox(InstallOutbox(app, database, options)) {
    REQUIRE(app.Start().ok());
  }
  // One transaction with an event "key:number".
  absl::Status Send(const std::string& key, int number) {
    return database.As(1, [&](storage::Transaction& tx) {
      StringValue value;
      value.set_value(absl::StrCat(key, ":", number));
      return outbox.Append(tx, 1, key, value);
    });
  }
  // Numbers from..to of each key, one transaction per number.
  void SendAll(int keys, int from, int to) {
    for (int number = from; number <= to; ++number) {
      REQUIRE(database
                  .As(1,
                      [&](storage::Transaction& tx) -> absl::Status {
                        for (int key = 0; key < keys; ++key) {
                          StringValue value;
                          value.set_value(absl::StrCat("k", key, ":", number));
                          MO_RETURN_IF_ERROR(outbox.Append(tx, 1, absl::StrCat("k", key), value));
                        }
                        return absl::OkStatus();
                      })
                  .ok());
    }
  }

  App app;
  storage::Database& database;
  Outbox& outbox;
};

// A process of a service that handles: it writes what it sees to sink.seen.
struct Sink {
  // Runs after the effect, in the same transaction.
  using Hook = std::function<absl::Status(storage::Transaction&, const std::vector<Event>&)>;

  explicit Sink(World& world, const std::string& name = "sink", Hook hook = nullptr,
                int max_attempts = 10, std::function<bool(const Event&)> wants = nullptr)
      : app(world.Options()),
        database(storage::InstallDatabase(app, "sink", {{"0001", kSinkTables}})) {
    InstallConsumer(
        app, database, {name, {"source"}, 256, max_attempts, std::move(wants)},
        [name, hook](storage::Transaction& tx, const std::vector<Event>& batch) {
          for (const Event& event : batch) {
            const auto value = As<StringValue>(event);
            if (!value) return absl::InternalError("not a StringValue");
            MO_RETURN_IF_ERROR(
                tx.Run("INSERT INTO sink.seen (account_id, consumer, value) VALUES ($1, $2, $3)",
                       event.envelope.account_id(), name, value->value()));
          }
          return hook ? hook(tx, batch) : absl::OkStatus();
        });
    REQUIRE(app.Start().ok());
  }

  double Metric(const std::string& name) {
    for (const auto& family : app.metrics().registry()->Collect()) {
      if (family.name != name) continue;
      return family.metric[0].counter.value + family.metric[0].gauge.value;
    }
    return -1;
  }

  App app;
  storage::Database& database;
};

}  // namespace mo::events
