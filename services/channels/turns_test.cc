#include <catch2/catch.hpp>
#include <set>

#include "services/channels/broadcast_world.h"

namespace mo::channels {
namespace {

const int kPage = PageLimit(Expansion(), 0);  // contacts of the first page

// Another account with contacts 100001… and broadcasts of its own.
struct Neighbour {
  static constexpr int64_t kAccount = 2;
  BroadcastWorld& world;

  explicit Neighbour(BroadcastWorld& a_world, int contacts) : world(a_world) {
    sims_v1::CreateSimRequest request;
    request.mutable_sim()->set_network(common::NETWORK_WHATSAPP);
    request.mutable_sim()->set_address("+436649999999");
    request.mutable_sim()->set_display_name("SIM");
    request.mutable_sim()->set_capacity(1000000);
    Client<sims_v1::SimService> client(world.env.app());
    auto sim =
        client.Call(&sims_v1::SimService::Stub::CreateSim, world.env.caller(kAccount), request);
    REQUIRE(sim.ok());
    world.Sql(absl::StrCat(
        "INSERT INTO contacts.contacts (account_id, id, network, address, display_name, language, "
        "state, sim_id, attributes, create_time, version) SELECT 2, i, 1, '+43670' || i, '', '', "
        "2, ",
        IdOf(sim->id()), ", '{}', now(), 1 FROM generate_series(100001, ", 100000 + contacts,
        ") i; INSERT INTO channels.channels (account_id, id, display_name, keyword, leave_keyword, "
        "description, welcome_text, leave_text, listed, create_time) VALUES (2, 77, 'C', '', '', "
        "'', "
        "'', '', false, now()); INSERT INTO channels.subscriptions SELECT 2, 77, i, now() FROM "
        "generate_series(100001, ",
        100000 + contacts, ") i"));
  }
  std::string Create() {
    auto created =
        world.broadcasts.Call(&BroadcastWorld::Stub::CreateBroadcast, world.env.caller(kAccount),
                              world.Request({FormatId("chn", 77)}, {}));
    REQUIRE(created.ok());
    return created->id();
  }
};

// The accounts whose turns come next, as long as there are any.
std::string Turns(BroadcastWorld& world, int most) {
  Expander& expander = world.workers().expander;
  std::string turns;
  while (most-- > 0) {
    auto turn = *expander.Take();
    if (!turn) break;
    turns += static_cast<char>('0' + turn->key.account_id);
    REQUIRE(expander.Plan(*turn).ok());
    REQUIRE(expander.Submit(*turn).ok());
    REQUIRE(expander.End(*turn).ok());
  }
  return turns;
}

TEST_CASE("A page is to fill a dispatch for each SIM, and no larger for others to wait for") {
  const auto limit = [](int64_t page, int32_t sims, size_t parameters = 0) {
    Expansion before;
    before.page = page;
    before.sims = sims;
    return PageLimit(before, parameters);
  };
  CHECK(limit(1, 0) == limit(0, 0));  // everybody was skipped
  CHECK(limit(1, 1) == limit(1, 10));
  CHECK(limit(9, 30) == 27000);
  CHECK(limit(9, 55) == limit(9, 10000));
  CHECK(limit(9, 10000) <= 50000);
  // However long the values are.
  CHECK(limit(9, 55, 10) < limit(9, 55) / 10);
}

TEST_CASE("An account with many broadcasts leaves another's only one every second turn") {
  BroadcastWorld world(/*stepwise=*/true);
  const std::string channel = world.Channel();
  const int contacts = kPage + 2;  // two pages
  world.Contacts(contacts);
  world.SubscribeRange(channel, 1, contacts);
  Neighbour neighbour(world, contacts);
  for (int i = 0; i < 8; ++i) world.Create(world.Request({channel}, {}));
  CHECK(Turns(world, 5) == "11111");
  neighbour.Create();
  // A page of each in turn; the neighbour's second page is its last one.
  const std::string turns = Turns(world, 100);
  CHECK(turns.substr(0, 4) == "1212");
  CHECK(std::count(turns.begin(), turns.end(), '2') == 2);
  CHECK(turns.size() == 2 + 11);
  // It was alone for so long, and owes nothing now.
  neighbour.Create();
  world.Create(world.Request({channel}, {}));
  CHECK(Turns(world, 2) == "12");
}

TEST_CASE("Turns are paid by contacts: small broadcasts do not wait for another's large pages") {
  BroadcastWorld world(/*stepwise=*/true);
  const std::string channel = world.Channel();
  world.Contacts(20000);
  world.SubscribeRange(channel, 1, 20000);
  Neighbour neighbour(world, 1);
  for (int i = 0; i < 3; ++i) world.Create(world.Request({channel}, {}));
  REQUIRE(Turns(world, 3) == "111");
  for (int i = 0; i < 10; ++i) neighbour.Create();
  // Not made up for what it missed, but then all of it is less than another's page.
  CHECK(Turns(world, 12) == "122222222221");
}

TEST_CASE(
    "Several expanders: a second account's broadcast is taken while the first one's is worked at") {
  BroadcastWorld world(/*stepwise=*/true);
  const std::string channel = world.Channel();
  world.Contacts(3);
  world.SubscribeRange(channel, 1, 3);
  Neighbour neighbour(world, 3);
  for (int i = 0; i < 3; ++i) world.Create(world.Request({channel}, {}));
  const std::string theirs = neighbour.Create();
  Expander& expander = world.workers().expander;
  std::multiset<int64_t> accounts;
  for (int i = 0; i < 4; ++i) accounts.insert((*expander.Take())->key.account_id);
  CHECK(accounts == std::multiset<int64_t>{1, 1, 1, 2});
  CHECK_FALSE(expander.Take()->has_value());
  // All of them die.
  world.ExpireLeases();
  world.Expand();
  CHECK(world.Number("SELECT count(*) FROM channels.expansions WHERE open") == 0);
  CHECK(world.SentTo().size() == 6);
  // Nobody waits, so that the next one is found at once.
  CHECK(world.Number("SELECT count(*) FROM channels.account_turns WHERE waiting") == 0);
  world.Create(world.Request({channel}, {}));
  CHECK(Turns(world, 9) == "1");
}

TEST_CASE("A turn in which nothing is decided costs next to nothing") {
  BroadcastWorld world(/*stepwise=*/true);
  const std::string canceled = world.Create(world.Request({}, world.Contacts(1)));
  const std::string paused = world.Create(world.Request({}, {FormatId("con", 1)}));
  REQUIRE(world.Cancel(canceled).ok());
  auto first = *world.workers().expander.Take();
  auto second = *world.workers().expander.Take();
  REQUIRE(world.Pause(paused).ok());
  REQUIRE(world.workers().expander.Plan(*first).ok());
  REQUIRE(world.workers().expander.Plan(*second).ok());
  CHECK(world.Number("SELECT pass::bigint FROM channels.account_turns") < kPage);
}

TEST_CASE("An attempt that fails costs a turn, and no page") {
  BroadcastWorld world(/*stepwise=*/true);
  const std::string channel = world.Channel();
  world.Contacts(kPage);
  world.SubscribeRange(channel, 1, kPage);
  const std::string id = world.Create(world.Request({channel}, {}));
  Expander& expander = world.workers().expander;
  const auto pass = [&] {
    return world.Number("SELECT pass::bigint FROM channels.account_turns WHERE account_id = 1");
  };
  const auto attempt = [&] {
    world.Sql("UPDATE channels.expansions SET due_time = now() - interval '1 s'");
    REQUIRE(*expander.RunOnce());
  };
  // Contacts cannot answer.
  world.Sql("ALTER TABLE contacts.contacts RENAME TO gone");
  attempt();
  const int64_t turn = pass();
  CHECK(turn > 0);
  CHECK(turn < kPage / 10);
  attempt();
  attempt();
  CHECK(pass() == 3 * turn);
  CHECK(world.Ledger(id).counts().audience() == 0);
  // What is decided is paid, once, also if it cannot be submitted at first.
  world.Sql("ALTER TABLE contacts.gone RENAME TO contacts");
  world.Sql("ALTER TABLE sims.dispatches RENAME TO gone");
  attempt();
  CHECK(pass() == 4 * turn + kPage);
  attempt();
  CHECK(pass() == 5 * turn + kPage);
  world.Sql("ALTER TABLE sims.gone RENAME TO dispatches");
  attempt();
  CHECK(pass() == 6 * turn + kPage);
  CHECK(world.SentTo().size() == static_cast<size_t>(kPage));
}

TEST_CASE("A process that is stopped while it takes a turn keeps nobody waiting for long") {
  BroadcastWorld world(/*stepwise=*/true);
  const std::string channel = world.Channel();
  world.Contacts(3);
  world.SubscribeRange(channel, 1, 3);
  Neighbour neighbour(world, 3);
  const std::string mine = world.Create(world.Request({channel}, {}));
  const std::string theirs = neighbour.Create();
  auto connection = storage::Connection::Open(world.env.postgres().UrlAs("mo_channels_system"));
  REQUIRE(connection.ok());
  storage::Transaction stopped(**connection, 0);
  auto lost = TakeTurn(stopped, "stopped", world.env.app().clock().Now());
  REQUIRE(lost.ok());
  REQUIRE(lost->has_value());
  const absl::Time start = absl::Now();
  // Others take their turns as if it had never been there.
  CHECK(Turns(world, 9) == "12");
  CHECK(absl::Now() - start < absl::Seconds(5));
  CHECK((*lost)->key.id == IdOf(mine));
  CHECK_FALSE(stopped.Finish(absl::OkStatus()).ok());
  CHECK(world.SentTo().size() == 6);
}

}  // namespace
}  // namespace mo::channels
