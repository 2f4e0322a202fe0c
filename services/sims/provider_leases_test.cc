// Which process drives a SIM with a provider, and for how long.
#include "services/sims/provider_leases.h"

#include <catch2/catch.hpp>

#include "libs/testing/clock.h"
#include "libs/testing/wait.h"
#include "services/sims/test_provider.h"

namespace mo::sims {
namespace {

using testing::WaitFor;

TEST_CASE("The lease of a process that has died is taken over after 15 s, and kept by renewal",
          "[provider]") {
  testing::FakeClock clock;
  AppOptions options;
  options.clock = &clock;
  ProviderPool pool(std::move(options));
  const auto epoch = [&] { return pool.Count("SELECT coalesce(max(epoch), 0) FROM sims.leases"); };
  const auto left = [&] {
    return pool.Count(absl::StrCat("SELECT extract(epoch FROM expire_time - '",
                                   absl::FormatTime(clock.Now()), "')::bigint FROM sims.leases"));
  };
  WaitFor([&] { return epoch() == 1; }, "the lease");
  CHECK(left() == 15);
  // Renewed every five seconds, by one statement.
  clock.Advance(absl::Seconds(6));
  WaitFor([&] { return left() == 15; }, "the renewal");
  clock.Advance(absl::Seconds(6));
  WaitFor([&] { return left() == 15; }, "the next renewal");
  CHECK(epoch() == 1);
  // Another process takes it, and dies.
  pool.Execute(absl::StrCat("UPDATE sims.leases SET epoch = 2, expire_time = timestamptz '",
                            absl::FormatTime(clock.Now()), "' + interval '15 s'"));
  clock.Advance(absl::Seconds(6));
  WaitFor([&] { return left() == 9; }, "nobody renews what is another's");
  CHECK(epoch() == 2);
  clock.Advance(absl::Seconds(10));
  WaitFor([&] { return epoch() == 3; }, "the takeover");
  CHECK(left() == 15);
  REQUIRE(pool.Submit(pool.To("late", 1, 1)).ok());
  WaitFor(
      [&] {
        clock.Advance(absl::Milliseconds(100));
        return pool.Counts("late").accepted() == 1;
      },
      "it sends again");
}

}  // namespace
}  // namespace mo::sims
