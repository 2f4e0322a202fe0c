#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <mutex>
#include <optional>

#include "absl/strings/numbers.h"
#include "libs/testing/clock.h"
#include "libs/testing/wait.h"
#include "services/sims/drivers/json.h"
#include "services/sims/test_provider.h"

namespace mo::sims {
namespace {

using testing::WaitFor;

TEST_CASE("One message after the other goes to a contact, in their order", "[provider]") {
  ProviderPool pool;
  std::mutex mutex;
  std::optional<http::Responder> held;
  pool.meta.Set([&](const std::string& to, int attempt, http::Responder responder) {
    if (to != "+431" || attempt > 1) return TestMeta::Take(responder);
    std::lock_guard lock(mutex);
    held = std::move(responder);
  });
  const auto is_held = [&] {
    std::lock_guard lock(mutex);
    return held.has_value();
  };
  REQUIRE(pool.Submit(pool.To("m1", 1, 1, v1::LANE_INTERACTIVE)).ok());
  WaitFor(is_held, "the first request");
  REQUIRE(pool.Submit(pool.To("m2", 1, 2, v1::LANE_INTERACTIVE)).ok());
  WaitFor([&] { return pool.Counts("m2").accepted() == 1; }, "another contact's");
  CHECK(pool.Counts("m2").attempting() == 1);
  CHECK(pool.meta.attempts().at("+431") == 1);
  TestMeta::Take(*held);
  WaitFor([&] { return pool.Counts("m2").accepted() == 2; }, "the second");
  CHECK(pool.Counts("m1").accepted() == 1);
  // What is asked of the limiter, committed and sent at the same time.
  constexpr int kContacts = 8, kMessages = 40;
  for (int i = 0; i < kContacts * kMessages; ++i) {
    v1::SubmitRequest request =
        pool.To(absl::StrCat("o", i), 100 + i % kContacts, 1, v1::LANE_INTERACTIVE);
    request.mutable_dispatches(0)->set_group("all");
    request.mutable_dispatches(0)->mutable_content()->mutable_text()->set_body(absl::StrCat(i));
    REQUIRE(pool.Submit(request).ok());
  }
  WaitFor([&] { return pool.Counts("all").accepted() == kContacts * kMessages; }, "all");
  std::map<std::string, std::vector<int>> told;
  for (const std::string& sent : pool.meta.bodies()) {
    const Json body = ParseJson(sent);
    int number = 0;
    if (absl::SimpleAtoi(TextAt(At(body, "text"), "body"), &number))
      told[TextAt(body, "to")].push_back(number);
  }
  CHECK(told.size() == kContacts);
  for (const auto& [to, numbers] : told) CHECK(std::is_sorted(numbers.begin(), numbers.end()));
}

TEST_CASE("Whoever comes behind a message that is refused for now waits with it", "[provider]") {
  testing::FakeClock clock;
  AppOptions options;
  options.clock = &clock;
  ProviderPool pool(std::move(options));
  pool.AwaitLimiter(clock);
  std::mutex mutex;
  std::optional<http::Responder> held;
  pool.meta.Set([&](const std::string& to, int attempt, http::Responder responder) {
    if (to != "+431" || attempt > 1) return TestMeta::Take(responder);
    std::lock_guard lock(mutex);
    held = std::move(responder);
  });
  const auto send = [&](const std::string& key) {
    v1::SubmitRequest request = pool.To(key, 1, 1, v1::LANE_INTERACTIVE);
    request.mutable_dispatches(0)->mutable_content()->mutable_text()->set_body(key);
    REQUIRE(pool.Submit(request).ok());
  };
  send("m1");
  WaitFor(
      [&] {
        std::lock_guard lock(mutex);
        return held.has_value();
      },
      "the first request");
  send("m2");
  WaitFor([&] { return pool.Counts("m2").attempting() == 1; }, "the second behind it");
  TestMeta::Refuse(*held, 500, 131000);
  WaitFor([&] { return pool.Counts("m1").queued() + pool.Counts("m2").queued() == 2; }, "both");
  CHECK(pool.meta.attempts().at("+431") == 1);
  WaitFor(
      [&] {
        clock.Advance(absl::Milliseconds(500));
        return pool.Counts("m2").accepted() == 1;
      },
      "both sent");
  const auto bodies = pool.meta.bodies();
  REQUIRE(bodies.size() == 4);
  CHECK(bodies[2].find(R"("body":"m1")") != std::string::npos);
  CHECK(bodies[3].find(R"("body":"m2")") != std::string::npos);
}

}  // namespace
}  // namespace mo::sims
