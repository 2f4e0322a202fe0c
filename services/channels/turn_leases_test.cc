#include "services/channels/turn_leases.h"

#include <catch2/catch.hpp>
#include <optional>
#include <thread>

#include "libs/testing/clock.h"
#include "services/channels/broadcast_world.h"

namespace mo::channels {
namespace {

// Contacts answer nothing for as long as it lives.
struct Obstacle {
  explicit Obstacle(BroadcastWorld& world)
      : connection(*storage::Connection::Open(world.env.postgres().UrlAs("postgres"))) {
    REQUIRE(connection->Script("BEGIN").ok());
    REQUIRE(connection->Script("LOCK TABLE contacts.contacts").ok());
  }
  std::unique_ptr<storage::Connection> connection;
};

// A channel with so many contacts.
std::string Audience(BroadcastWorld& world, int contacts) {
  const std::string channel = world.Channel();
  world.Contacts(contacts);
  world.SubscribeRange(channel, 1, contacts);
  return channel;
}

// Whether a lease lasts for longer than that.
bool Lasts(BroadcastWorld& world, const char* longer) {
  return world.Number(absl::StrCat("SELECT count(*) FROM channels.expansions WHERE "
                                   "lease_expire_time > now() + interval '",
                                   longer, "'")) == 1;
}

TEST_CASE("A page that takes longer than a lease is not taken away, unless it takes too long") {
  testing::FakeClock clock;
  BroadcastWorld world(/*stepwise=*/true, &clock);
  const std::string id = world.Create(world.Request({Audience(world, 2)}, {}));
  Expander& expander = world.workers().expander;
  TurnLeases& leases = world.workers().leases;
  std::optional<Obstacle> obstacle(std::in_place, world);
  absl::StatusOr<bool> ended = false;
  std::thread slow([&] { ended = expander.RunOnce(); });
  testing::WaitFor([&] { return Lasts(world, "0 s"); }, "the turn to be taken");
  for (int i = 0; i < 3; ++i) {
    world.Sql("UPDATE channels.expansions SET lease_expire_time = now() + interval '2 s'");
    CHECK(leases.RenewOnce().ok());
    CHECK(Lasts(world, "5 s"));
    CHECK_FALSE(expander.Take()->has_value());
  }
  // It is stuck.
  clock.Advance(TurnLeases::kLongestTurn);
  world.ExpireLeases();
  CHECK(leases.RenewOnce().ok());
  auto next = *expander.Take();
  CHECK(next.has_value());
  // The lease is the next one's, which the stuck one cannot prolong any more.
  clock.Advance(-TurnLeases::kLongestTurn);
  world.Sql("UPDATE channels.expansions SET lease_expire_time = now() + interval '2 s'");
  CHECK(leases.RenewOnce().ok());
  CHECK_FALSE(Lasts(world, "5 s"));
  obstacle.reset();
  slow.join();
  CHECK(*ended);
  REQUIRE(next.has_value());
  REQUIRE(expander.Plan(*next).ok());
  REQUIRE(expander.Submit(*next).ok());
  REQUIRE(expander.End(*next).ok());
  CHECK(world.SentTo() == std::map<int64_t, int>{{1, 1}, {2, 1}});
  CHECK(world.State(id) == v1::BROADCAST_STATE_SENDING);
}

TEST_CASE("A lease that was given back is not renewed") {
  BroadcastWorld world(/*stepwise=*/true);
  const int contacts = PageLimit(Expansion(), 0) + 1;
  world.Create(world.Request({Audience(world, contacts)}, {}));
  Expander& expander = world.workers().expander;
  auto turn = *expander.Take();
  const TurnLeases::Held held = world.workers().leases.Hold(*turn);
  REQUIRE(expander.Plan(*turn).ok());
  REQUIRE(expander.Submit(*turn).ok());
  REQUIRE(expander.End(*turn).ok());
  REQUIRE(world.workers().leases.RenewOnce().ok());
  CHECK(expander.Take()->has_value());
}

TEST_CASE("The running service renews the leases of its turns") {
  BroadcastWorld world;
  const std::string channel = Audience(world, 2);
  std::optional<Obstacle> obstacle(std::in_place, world);
  world.Create(world.Request({channel}, {}));
  testing::WaitFor([&] { return Lasts(world, "0 s"); }, "the turn to be taken");
  world.Sql("UPDATE channels.expansions SET lease_expire_time = now() + interval '5 s'");
  testing::WaitFor([&] { return Lasts(world, "6 s"); }, "the lease to be renewed");
  obstacle.reset();
  testing::WaitFor([&] { return world.SentTo().size() == 2; }, "the page to be sent");
  CHECK(world.Number("SELECT max(lease_epoch) FROM channels.expansions") == 1);
}

}  // namespace
}  // namespace mo::channels
