#include "libs/storage/transaction.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/runtime/metrics.h"
#include "libs/runtime/status.h"
#include "libs/storage/database.h"
#include "libs/testing/servers.h"

namespace mo::storage {
namespace {

constexpr char kTables[] = R"(
  CREATE TABLE depot.items (account_id bigint NOT NULL, name text NOT NULL, PRIMARY KEY (account_id, name));
  SELECT mo.protect('depot.items');)";
constexpr char kInsert[] = "INSERT INTO depot.items (account_id, name) VALUES ($1, $2)";
constexpr char kNames[] = "SELECT name FROM depot.items ORDER BY name";

// A service "depot" with one table.
struct Depot {
  testing::Postgres postgres;
  Metrics metrics;
  Database database{Options(), metrics};

  Depot() { REQUIRE(database.Migrate({{"001_items", kTables}}).ok()); }

  DatabaseOptions Options() const {
    DatabaseOptions options;
    options.url = postgres.url();
    options.migration_user = "postgres";
    options.service = "depot";
    options.connections = 2;
    return options;
  }
  std::vector<std::string> Names(int64_t account_id) {
    const auto names = database.ReadAs(
        account_id, [](Transaction& tx) -> absl::StatusOr<std::vector<std::string>> {
          MO_ASSIGN_OR_RETURN(const Result rows, tx.Query(kNames));
          std::vector<std::string> found;
          for (const Row row : rows) found.push_back(row.String(0));
          return found;
        });
    INFO(names.status().ToString());
    REQUIRE(names.ok());
    return *names;
  }
  // The server ends all connections of the depot's roles.
  void KillConnections() {
    auto connection = Connection::Open(postgres.UrlAs("postgres"));
    REQUIRE((*connection)
                ->Script("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                         "WHERE usename LIKE 'mo_depot%'")
                .ok());
  }
};

using Names = std::vector<std::string>;

TEST_CASE("What is deferred is committed, in order, confined to the account") {
  Depot depot;
  REQUIRE(depot.database
              .As(1,
                  [](Transaction& tx) {
                    tx.Defer(kInsert, 1, "a");
                    tx.Defer("UPDATE depot.items SET name = name || 'b'");
                    return absl::OkStatus();
                  })
              .ok());
  CHECK(depot.Names(1) == Names{"ab"});
  CHECK(depot.Names(2).empty());
  // Row-level security holds for what is deferred too.
  const absl::Status foreign = depot.database.As(2, [](Transaction& tx) {
    tx.Defer(kInsert, 1, "mine");
    return absl::OkStatus();
  });
  CHECK(foreign.code() == absl::StatusCode::kPermissionDenied);
  CHECK(depot.Names(1) == Names{"ab"});
}

TEST_CASE("Several results share a round trip and come to those who asked") {
  Depot depot;
  const auto sum = depot.database.As(1, [](Transaction& tx) -> absl::StatusOr<int64_t> {
    Pending one = tx.Ask("SELECT $1::bigint", 1);
    tx.Defer(kInsert, 1, "x");
    Pending count = tx.Ask("SELECT count(*) FROM depot.items");
    MO_ASSIGN_OR_RETURN(const Result two, tx.Query("SELECT $1::bigint + 1", 1));
    MO_ASSIGN_OR_RETURN(const Result first, one.Get());
    MO_ASSIGN_OR_RETURN(const Result counted, count.Get());
    return first[0].Int(0) + two[0].Int(0) * 10 + counted[0].Int(0) * 100;
  });
  REQUIRE(sum.ok());
  CHECK(*sum == 121);
}

TEST_CASE("An error undoes everything, wherever it shows") {
  Depot depot;
  REQUIRE(depot.database.As(1, [](Transaction& tx) { return tx.Run(kInsert, 1, "a"); }).ok());
  SECTION("of a deferred statement, at the commit") {
    const absl::Status status = depot.database.As(1, [](Transaction& tx) {
      tx.Defer(kInsert, 1, "b");
      tx.Defer(kInsert, 1, "a");
      return absl::OkStatus();
    });
    CHECK(Violates(status, "items_pkey"));
  }
  SECTION("of a statement whose error the work overlooks") {
    const absl::Status status = depot.database.As(1, [](Transaction& tx) {
      tx.Run(kInsert, 1, "a").IgnoreError();
      CHECK(Violates(tx.Run(kInsert, 1, "b"), "items_pkey"));
      return absl::OkStatus();
    });
    CHECK(Violates(status, "items_pkey"));
  }
  SECTION("of the work itself, with statements sent and unsent") {
    const absl::Status status = depot.database.As(1, [](Transaction& tx) {
      tx.Run(kInsert, 1, "b").IgnoreError();
      tx.Defer(kInsert, 1, "c");
      return absl::NotFoundError("no");
    });
    CHECK(absl::IsNotFound(status));
  }
  SECTION("of a statement that cannot be prepared, which may become possible") {
    const auto read = [](Transaction& tx) {
      return tx.Query("SELECT a FROM depot.items").status();
    };
    CHECK_FALSE(depot.database.As(1, read).ok());
    auto connection = Connection::Open(depot.postgres.UrlAs("postgres"));
    REQUIRE((*connection)->Script("ALTER TABLE depot.items ADD a int").ok());
    CHECK(depot.database.As(1, read).ok());
  }
  CHECK(depot.Names(1) == Names{"a"});
}

TEST_CASE("Actions run around the commit, and only with one") {
  Depot depot;
  std::vector<std::string> ran;
  const auto work = [&](Transaction& tx) {
    tx.BeforeCommit([&] {
      ran.push_back("before");
      tx.Defer(kInsert, 1, "late");
    });
    tx.AfterCommit([&] { ran.push_back("after"); });
  };
  CHECK_FALSE(depot.database
                  .As(1,
                      [&](Transaction& tx) {
                        work(tx);
                        return absl::InternalError("no");
                      })
                  .ok());
  CHECK(ran.empty());
  REQUIRE(depot.database
              .As(1,
                  [&](Transaction& tx) {
                    work(tx);
                    return absl::OkStatus();
                  })
              .ok());
  CHECK(ran == Names{"before", "after"});
  CHECK(depot.Names(1) == Names{"late"});
}

TEST_CASE("A connection that died while idle is replaced unnoticed") {
  Depot depot;
  CHECK(depot.Names(1).empty());
  depot.KillConnections();
  CHECK(depot.Names(1).empty());
  depot.KillConnections();
  // Sent with the commit only: must not be tried twice, so the connection is tried first.
  REQUIRE(depot.database
              .As(1,
                  [](Transaction& tx) {
                    tx.Defer(kInsert, 1, "a");
                    return absl::OkStatus();
                  })
              .ok());
  CHECK(depot.Names(1) == Names{"a"});
}

TEST_CASE("A plan that a migration has made stale is made anew, unnoticed") {
  Depot depot;
  const auto columns = [](Transaction& tx) {
    return tx.Query("SELECT * FROM depot.items").status();
  };
  REQUIRE(depot.database.As(1, columns).ok());
  auto connection = Connection::Open(depot.postgres.UrlAs("postgres"));
  REQUIRE((*connection)->Script("ALTER TABLE depot.items ADD a int").ok());
  CHECK(depot.database.As(1, columns).ok());
  CHECK(depot.database.ReadAs(1, columns).ok());
}

TEST_CASE("A connection that dies at work leaves nothing behind") {
  Depot depot;
  int runs = 0;
  const absl::Status status = depot.database.As(1, [&](Transaction& tx) {
    ++runs;
    MO_RETURN_IF_ERROR(tx.Run(kInsert, 1, "a"));
    depot.KillConnections();
    tx.Defer(kInsert, 1, "b");
    return absl::OkStatus();
  });
  CHECK(absl::IsUnavailable(status));
  CHECK(runs == 1);
  CHECK(depot.Names(1).empty());
}

TEST_CASE("A large pipeline does not stall") {
  Depot depot;
  const std::string text(100000, 'x');
  const auto sizes = depot.database.As(1, [&](Transaction& tx) -> absl::StatusOr<size_t> {
    std::vector<Pending> asked;
    for (int i = 0; i < 200; ++i) asked.push_back(tx.Ask("SELECT $1::text", text));
    size_t size = 0;
    for (Pending& pending : asked) {
      MO_ASSIGN_OR_RETURN(const Result rows, pending.Get());
      size += rows[0].String(0).size();
    }
    return size;
  });
  REQUIRE(sizes.ok());
  CHECK(*sizes == 200 * text.size());
}

TEST_CASE("PostgreSQL looks anew at a table that has grown, and only then") {
  Depot depot;
  auto connection = Connection::Open(depot.postgres.UrlAs("postgres"));
  const auto grow = [&](int from, int to) {
    const absl::Status grown = depot.database.As(1, [&](Transaction& tx) {
      return tx
          .Query(
              "INSERT INTO depot.items (account_id, name) SELECT 1, n::text FROM "
              "generate_series($1::int, $2::int) n",
              from, to)
          .status();
    });
    REQUIRE(grown.ok());
  };
  const auto believed = [&] {
    REQUIRE(depot.database.AnalyzeGrown().ok());
    auto result =
        (*connection)
            ->Query("SELECT reltuples::bigint FROM pg_class WHERE oid = 'depot.items'::regclass",
                    Parameters());
    return (*result)[0].Int(0);
  };
  REQUIRE(
      connection.value()->Script("ALTER TABLE depot.items SET (autovacuum_enabled = off)").ok());
  grow(1, 100);
  CHECK(believed() == -1);
  grow(101, 200);
  testing::WaitFor([&] { return believed() == 200; }, "the look at 200 rows");
  grow(201, 700);
  CHECK(believed() == 200);
  grow(701, 1000);
  testing::WaitFor([&] { return believed() == 1000; }, "the look at 1,000 rows");
}

}  // namespace
}  // namespace mo::storage
