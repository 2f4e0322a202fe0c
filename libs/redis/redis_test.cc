#include <signal.h>

#include <catch2/catch.hpp>

#include "absl/time/clock.h"
#include "libs/redis/pool.h"
#include "libs/redis/token_bucket.h"
#include "libs/testing/clock.h"
#include "libs/testing/servers.h"
#include "libs/testing/wait.h"

namespace mo::redis {
namespace {

using testing::WaitFor;

ConnectionOptions To(const testing::Redis& redis) {
  ConnectionOptions options;
  options.url = redis.url();
  return options;
}

TEST_CASE("a command's reply keeps its type") {
  testing::Redis redis;
  Connection connection(To(redis));
  CHECK(connection.Command({"SET", "k", absl::string_view("a\0b", 3)})->string == "OK");
  CHECK(connection.Command({"GET", "k"})->string == std::string("a\0b", 3));
  CHECK(connection.Command({"GET", "none"})->nil());
  CHECK(connection.Command({"INCRBY", "n", "41"})->integer == 41);
  CHECK(connection.Command({"ECHO", absl::string_view()})->string.empty());
  auto list = connection.Command({"MGET", "k", "none"});
  REQUIRE(list->size() == 2);
  CHECK((*list)[1].nil());
  auto wrong = connection.Command({"LPUSH", "k", "x"});
  CHECK(wrong.status().code() == absl::StatusCode::kUnavailable);
  // The connection goes on after an error reply.
  CHECK(connection.Command({"GET", "n"})->string == "41");
}

TEST_CASE("a pipeline answers in order, errors among the replies") {
  testing::Redis redis;
  Connection connection(To(redis));
  auto replies = connection.Pipeline({{"SET", "k", "v"}, {"LPUSH", "k", "x"}, {"GET", "k"}});
  REQUIRE(replies.ok());
  REQUIRE(replies->size() == 3);
  CHECK((*replies)[1].error());
  CHECK((*replies)[2].string == "v");
}

TEST_CASE("a dead Redis fails callers fast, and is used again when it is back") {
  testing::Redis redis;
  Pool pool(To(redis));
  REQUIRE(pool.Command({"PING"}).ok());
  redis.Kill();
  const absl::Time start = absl::Now();
  for (int i = 0; i < 1000; ++i) {
    CHECK(pool.Command({"PING"}).status().code() == absl::StatusCode::kUnavailable);
  }
  CHECK(absl::Now() - start < absl::Seconds(1));
  redis.Start();
  WaitFor([&] { return pool.Command({"PING"}).ok(); }, "the pool to reconnect", absl::Seconds(2));
}

TEST_CASE("a connection that died while idle costs no call") {
  testing::Redis redis;
  Connection connection(To(redis));
  REQUIRE(connection.Command({"PING"}).ok());
  redis.Kill();
  redis.Start();
  CHECK(connection.Command({"PING"}).ok());
}

TEST_CASE("a Redis that hangs costs a caller its timeouts at most, and the next ones nothing") {
  testing::Redis redis;
  Pool pool(To(redis));
  auto pid = pool.Command({"INFO", "server"});
  const size_t at = pid->string.find("process_id:");
  const pid_t process = std::stoi(pid->string.substr(at + 11));
  kill(process, SIGSTOP);
  absl::Time start = absl::Now();
  CHECK(!pool.Command({"PING"}).ok());
  CHECK(absl::Now() - start < absl::Milliseconds(250));
  start = absl::Now();
  CHECK(!pool.Command({"PING"}).ok());
  CHECK(absl::Now() - start < absl::Milliseconds(15));
  kill(process, SIGCONT);
  WaitFor([&] { return pool.Command({"PING"}).ok(); }, "the pool to recover", absl::Seconds(2));
}

TEST_CASE("a script runs by hash and survives a flush of Redis' cache") {
  testing::Redis redis;
  Pool pool(To(redis));
  const Script script("return redis.call('INCRBY', KEYS[1], ARGV[1])");
  CHECK(pool.Run(script, {"n"}, {"2"})->integer == 2);
  REQUIRE(pool.Command({"SCRIPT", "FLUSH"}).ok());
  CHECK(pool.Run(script, {"n"}, {"3"})->integer == 5);
}

TEST_CASE("a token bucket gives its burst, then its rate") {
  testing::Redis redis;
  Pool pool(To(redis));
  TokenBucket bucket(pool);
  testing::FakeClock clock;
  const RateLimit limit{10, 20};
  auto take = [&](int64_t n) { return *bucket.Take("b", limit, n, clock.Now()); };

  Grant grant = take(15);
  CHECK(grant.granted == 15);
  CHECK(grant.remaining == 5);
  CHECK(grant.retry_after == absl::ZeroDuration());
  grant = take(6);
  CHECK(grant.granted == 0);
  CHECK(grant.remaining == 5);
  CHECK(grant.retry_after == absl::Milliseconds(100));
  clock.Advance(absl::Milliseconds(100));
  CHECK(take(6).granted == 6);
  // Ten refills of a tenth of a token are a token.
  for (int i = 0; i < 10; ++i) {
    CHECK(take(1).granted == 0);
    clock.Advance(absl::Milliseconds(10));
  }
  CHECK(take(1).granted == 1);
  // Never above the burst; a clock that goes back gives nothing.
  clock.Advance(absl::Hours(1));
  CHECK(take(20).granted == 20);
  clock.Advance(-absl::Hours(1));
  CHECK(take(1).granted == 0);
}

TEST_CASE("a token bucket grants a part when asked to") {
  testing::Redis redis;
  Pool pool(To(redis));
  TokenBucket bucket(pool);
  testing::FakeClock clock;
  Grant grant = *bucket.TakeUpTo("b", {100, 30}, 64, clock.Now());
  CHECK(grant.granted == 30);
  CHECK(grant.remaining == 0);
  CHECK(grant.retry_after == absl::Milliseconds(300));
  clock.Advance(grant.retry_after);
  CHECK(bucket.TakeUpTo("b", {100, 30}, 34, clock.Now())->granted == 30);
  CHECK(bucket.TakeUpTo("b", {100, 30}, 4, clock.Now())->granted == 0);
}

}  // namespace
}  // namespace mo::redis
