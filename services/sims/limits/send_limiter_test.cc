#include "services/sims/limits/send_limiter.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "absl/strings/str_cat.h"
#include "libs/testing/clock.h"
#include "libs/testing/servers.h"
#include "libs/testing/wait.h"

namespace mo::sims {
namespace {

// Replicas beside one Redis, each with its own connection.
struct Fixture {
  explicit Fixture(int replicas) {
    for (int i = 0; i < replicas; ++i) {
      pools.push_back(
          std::make_unique<redis::Pool>(redis::ConnectionOptions{.url = redis.url()}, 1));
      workers.push_back(std::make_unique<SendLimiter>(*pools.back(), clock));
    }
  }
  SendLimiter& operator[](size_t i) { return *workers[i]; }
  // All have found a fresh Redis.
  void Settle(const SendLimits& limits) {
    for (auto& worker : workers) worker->Ask(limits, {.sim = "1:9"});
    clock.Advance(limits.sim.window + absl::Seconds(1));
  }

  testing::Redis redis;
  testing::FakeClock clock;
  std::vector<std::unique_ptr<redis::Pool>> pools;
  std::vector<std::unique_ptr<SendLimiter>> workers;
};

SendAsk Messages(int n, bool interactive = false, const std::string& prefix = "c") {
  SendAsk ask{.sim = "1:9", .interactive = interactive};
  for (int i = 0; i < n; ++i) ask.to.push_back({absl::StrCat(prefix, i)});
  return ask;
}

SendAsk To(const std::string& key, bool group = false, bool counted = false) {
  return {.sim = "1:9", .interactive = true, .to = {{key, group, counted}}};
}

// The most that any window holds, whenever it begins.
int64_t Most(std::vector<absl::Time> passes, absl::Duration window) {
  std::sort(passes.begin(), passes.end());
  int64_t most = 0;
  for (size_t from = 0, to = 0; to < passes.size(); ++to) {
    while (passes[to] - passes[from] >= window) ++from;
    most = std::max(most, static_cast<int64_t>(to - from + 1));
  }
  return most;
}

int64_t Within(const std::vector<absl::Time>& passes, absl::Time from, absl::Time to) {
  return std::count_if(passes.begin(), passes.end(),
                       [&](absl::Time time) { return time >= from && time < to; });
}

TEST_CASE("four workers never pass more than a SIM's limit in any second, and nearly all of it") {
  const int64_t limit = GENERATE(1, 7, 80, 1000);
  Fixture f(4);
  const SendLimits limits{.sim = {limit, absl::Seconds(1)}, .workers = 4};
  f.Settle(limits);
  std::mt19937 random(7);
  std::vector<absl::Time> passes;
  const absl::Time start = f.clock.Now();
  while (f.clock.Now() - start < absl::Seconds(10)) {
    f.clock.Advance(absl::Microseconds(random() % 20000));
    const int n = 1 + static_cast<int>(random() % 64);
    const SendAnswer answer = f[random() % 4].Ask(limits, Messages(n, /*interactive=*/true));
    passes.insert(passes.end(), static_cast<size_t>(answer.passed), f.clock.Now());
    if (answer.passed < n) CHECK(answer.Next() > f.clock.Now());
  }
  CHECK(Most(passes, absl::Seconds(1)) <= limit);
  CHECK(static_cast<int64_t>(passes.size()) >= limit * 10 * 96 / 100);
}

TEST_CASE("who asks again when it was told to passes") {
  Fixture f(1);
  const SendLimits limits{.sim = {3, absl::Seconds(1)}, .workers = 2};
  f.Settle(limits);
  CHECK(f[0].Ask(limits, Messages(3, true)).passed == 3);
  const SendAnswer refused = f[0].Ask(limits, Messages(2, true));
  CHECK(refused.passed == 0);
  f.clock.Set(refused.Next() - absl::Microseconds(1));
  CHECK(f[0].Ask(limits, Messages(2, true)).passed == 0);
  f.clock.Set(refused.Next());
  CHECK(f[0].Ask(limits, Messages(2, true)).passed == 2);
}

// The clock follows real time, by which Redis' breaker and the workers find Redis again.
TEST_CASE("Redis is killed, and comes back with an old memory: never more than the limit") {
  constexpr int64_t kLimit = 200;
  const bool wiped = GENERATE(false, true);
  Fixture f(4);
  const SendLimits limits{.sim = {kLimit, absl::Seconds(1)}, .workers = 4};
  f.Settle(limits);
  std::mt19937 random(11);
  std::vector<absl::Time> passes;
  const absl::Time start = f.clock.Now(), real_start = absl::Now();
  const absl::Time killed = start + absl::Milliseconds(1530);
  const absl::Time back = killed + absl::Milliseconds(wiped ? 20 : 2500);
  bool dead = false, again = false;
  while (f.clock.Now() < back + absl::Seconds(4)) {
    f.clock.Set(start + (absl::Now() - real_start));
    if (!dead && f.clock.Now() >= killed) {
      if (wiped) {
        f.redis.Wipe();
      } else {
        f.redis.Kill();
      }
      dead = true;
    }
    if (!again && f.clock.Now() >= back) {
      if (!wiped) f.redis.Start();
      again = true;
    }
    const int n = 1 + static_cast<int>(random() % 40);
    const SendAnswer answer = f[random() % 4].Ask(limits, Messages(n, /*interactive=*/true));
    passes.insert(passes.end(), static_cast<size_t>(answer.passed), f.clock.Now());
  }
  CHECK(Most(passes, absl::Seconds(1)) <= kLimit * 101 / 100);
  CHECK(Within(passes, start, killed) >= kLimit);
  // Without Redis: one window of silence, then nearly the whole limit, as four shares.
  if (!wiped) CHECK(Within(passes, killed + absl::Seconds(1), back) >= kLimit * 12 / 10);
  // With Redis again: a pause of a window and a second, then the whole limit.
  CHECK(Within(passes, back + absl::Seconds(2), back + absl::Seconds(4)) >= kLimit);
}

TEST_CASE("a restart that nobody noticed is found out, and what passed is told to the new Redis") {
  Fixture f(2);
  const SendLimits limits{.sim = {10, absl::Seconds(20)}, .workers = 1};
  f.Settle(limits);
  CHECK(f[0].Ask(limits, Messages(6, true)).passed == 6);
  f.redis.Wipe();
  CHECK(f[0].Ask(limits, Messages(6, true)).passed == 4);
  // The lease moves: the next worker learns from Redis what the first one sent.
  f[0].Forget("1:9");
  f.clock.Advance(absl::Seconds(19));
  CHECK(f[1].Ask(limits, Messages(6, true)).passed == 0);
  f.clock.Advance(absl::Seconds(2));
  CHECK(f[1].Ask(limits, Messages(6, true)).passed == 6);
}

TEST_CASE("a worker that has a SIM alone goes on without Redis, and Redis learns of it") {
  Fixture f(2);
  const SendLimits limits{.sim = {10, absl::Seconds(5)}, .workers = 1};
  f.Settle(limits);
  CHECK(f[0].Ask(limits, Messages(4, true)).passed == 4);
  f.redis.Kill();
  f.clock.Advance(absl::Seconds(1));
  CHECK(f[0].Ask(limits, Messages(10, true)).passed == 6);
  CHECK(f[0].degraded());
  f.redis.Start();
  testing::WaitFor(
      [&] {
        f[0].Ask(limits, Messages(1, true));
        return !f[0].degraded();
      },
      "Redis to be found again");
  f.clock.Advance(absl::Milliseconds(4100));
  // The first four have left the window, the six have not.
  CHECK(f[0].Ask(limits, Messages(10, true)).passed == 4);
  CHECK(f[1].Ask(limits, Messages(10, true)).passed == 0);
}

TEST_CASE("interactive messages find room that bulk left, and stop it while they wait") {
  Fixture f(2);
  const SendLimits limits{.sim = {100, absl::Seconds(1)}, .workers = 2};
  f.Settle(limits);
  CHECK(f[0].Ask(limits, Messages(200)).passed == 90);
  CHECK(f[1].Ask(limits, Messages(30, true, "i")).passed == 10);
  f.clock.Advance(absl::Milliseconds(1011));
  // The window is empty, but the interactive ones that were refused come first.
  CHECK(f[0].Ask(limits, Messages(200)).passed == 0);
  CHECK(f[1].Ask(limits, Messages(20, true, "i")).passed == 20);
  f.clock.Advance(absl::Milliseconds(100));
  CHECK(f[0].Ask(limits, Messages(200)).passed == 70);
}

TEST_CASE("a contact is written to at its own pace, which holds up nobody else") {
  Fixture f(2);
  const SendLimits limits{.chat = {absl::Seconds(6), 3}, .workers = 2};
  f.Settle(limits);
  for (size_t i = 0; i < 3; ++i) CHECK(f[i % 2].Ask(limits, To("anna")).passed == 1);
  const SendAnswer refused = f[1].Ask(limits, To("anna"));
  CHECK(refused.passed == 0);
  CHECK(refused.when[0] == f.clock.Now() + absl::Seconds(6));
  CHECK(f[1].Ask(limits, To("berta")).passed == 1);
  f.clock.Advance(absl::Seconds(6));
  CHECK(f[0].Ask(limits, To("anna")).passed == 1);
  CHECK(f[0].Ask(limits, To("anna")).passed == 0);
  // Within one batch, too.
  SendAsk batch = To("clara");
  batch.to = {{"clara"}, {"clara"}, {"dora"}, {"clara"}, {"clara"}};
  const SendAnswer answer = f[0].Ask(limits, batch);
  CHECK(answer.passed == 4);
  CHECK(!answer.Passes(4));
}

TEST_CASE("a group has its limit per minute") {
  Fixture f(2);
  const SendLimits limits{.group = {20, absl::Minutes(1)}, .workers = 2};
  f.Settle(limits);
  std::vector<absl::Time> passes;
  for (int i = 0; i < 400; ++i) {
    f.clock.Advance(absl::Milliseconds(501));
    if (f[static_cast<size_t>(i) % 2].Ask(limits, To("g", true)).passed == 1) {
      passes.push_back(f.clock.Now());
    }
    CHECK(f[0].Ask(limits, To("not-a-group")).passed == 1);
  }
  CHECK(Most(passes, absl::Minutes(1)) == 20);
  CHECK(passes.size() >= 60);
}

TEST_CASE("different recipients in 24 hours are limited for a portfolio; known ones go on") {
  Fixture f(2);
  const SendLimits limits{.recipients = {10, absl::Hours(24)}, .workers = 2};
  f.Settle(limits);
  const auto ask = [&](const std::string& sim, const std::string& key, bool counted = true) {
    SendAsk one = To(key, false, counted);
    one.sim = sim;
    one.portfolio = "1:waba";
    return one;
  };
  for (int i = 0; i < 10; ++i) {
    f.clock.Advance(absl::Minutes(1));
    CHECK(f[0].Ask(limits, ask(i % 2 == 0 ? "1:1" : "1:2", absl::StrCat("c", i))).passed == 1);
  }
  const SendAnswer refused = f[1].Ask(limits, ask("1:1", "c10"));
  CHECK(refused.passed == 0);
  CHECK(refused.when[0] == f.clock.Now() - absl::Minutes(9) + absl::Hours(24));
  CHECK(f[1].Ask(limits, ask("1:1", "c0")).passed == 1);
  CHECK(f[1].Ask(limits, ask("1:1", "c11", /*counted=*/false)).passed == 1);
  f.clock.Advance(absl::Hours(24) - absl::Minutes(8));
  // c1 has left the window; c0 was written to again.
  CHECK(f[1].Ask(limits, ask("1:2", "c12")).passed == 1);
  CHECK(f[1].Ask(limits, ask("1:2", "c13")).passed == 0);
  // Redis forgets, the worker that let them pass does not.
  f.redis.Wipe();
  f[0].Ask(limits, ask("1:1", "c0"));
  f[1].Ask(limits, ask("1:1", "c0"));
  f.clock.Advance(absl::Seconds(2));
  CHECK(f[0].Ask(limits, ask("1:1", "c14")).passed == 0);
}

TEST_CASE("a network's own word is kept by all workers") {
  Fixture f(2);
  const SendLimits limits{
      .sim = {100, absl::Seconds(1)}, .chat = {absl::Seconds(1), 3}, .workers = 2};
  f.Settle(limits);
  f[0].Hold(limits, "1:9", "anna", f.clock.Now() + absl::Seconds(17));
  const SendAnswer anna = f[1].Ask(limits, To("anna"));
  CHECK(anna.passed == 0);
  CHECK(anna.Next() == f.clock.Now() + absl::Seconds(17));
  CHECK(f[1].Ask(limits, To("berta")).passed == 1);
  f[0].Hold(limits, "1:9", "", f.clock.Now() + absl::Seconds(5));
  CHECK(f[1].Ask(limits, To("berta")).Next() == f.clock.Now() + absl::Seconds(5));
  f.clock.Advance(absl::Seconds(5));
  CHECK(f[1].Ask(limits, To("berta")).passed == 1);
}

}  // namespace
}  // namespace mo::sims
