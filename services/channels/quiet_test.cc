#include "services/channels/quiet.h"

#include <catch2/catch.hpp>

#include "libs/testing/clock.h"
#include "services/channels/broadcast_world.h"
#include "services/sims/test_agent.h"

namespace mo::channels {
namespace {

namespace accounts_v1 = messageorganizer::accounts::v1;
using Stub = v1::BroadcastService::Stub;

// Outlives what runs by its clock.
struct ClockOwner {
  testing::FakeClock clock;
};

// A stepwise world whose clock stands at noon UTC on 2026-01-15: 13:00 in Vienna, 21:00 in Tokyo.
struct Evening : ClockOwner, BroadcastWorld {
  Evening() : BroadcastWorld(/*stepwise=*/true, &clock) {}

  // The account's quiet hours, in Vienna.
  void Settle(const char* start, const char* end) {
    accounts_v1::UpdateSettingsRequest request;
    request.mutable_settings()->set_time_zone("Europe/Vienna");
    request.mutable_settings()->mutable_quiet_hours()->set_start(start);
    request.mutable_settings()->mutable_quiet_hours()->set_end(end);
    Client<accounts_v1::AccountService> accounts(env.app());
    REQUIRE(
        accounts.Call(&accounts_v1::AccountService::Stub::UpdateSettings, caller(), request).ok());
  }
  v1::Broadcast Get(const std::string& id) {
    v1::GetBroadcastRequest request;
    request.set_id(id);
    return *broadcasts.Call(&Stub::GetBroadcast, caller(), request);
  }
  // By the time zone of their quiet hours, the recipients that sims has been given.
  int64_t Recipients(const std::string& zone) {
    return Number(absl::StrCat(
        "SELECT coalesce(sum(cardinality(contact_ids)), 0)::bigint FROM sims.dispatches WHERE ",
        zone.empty() ? "quiet_hours IS NULL"
                     : absl::StrCat("encode(quiet_hours, 'escape') LIKE '%", zone, "'")));
  }
  std::string Token(const std::string& sim) {
    sims_v1::CreateAgentTokenRequest request;
    request.set_id(sim);
    Client<sims_v1::SimService> client(env.app());
    return client.Call(&sims_v1::SimService::Stub::CreateAgentToken, caller(), request)->token();
  }
  absl::Time At(int hour, int minute = 0, int second = 0) {
    return absl::FromCivil(absl::CivilSecond(2026, 1, 15, hour, minute, second),
                           absl::UTCTimeZone());
  }
};

TEST_CASE("In one broadcast everybody is left alone by the clock of their own") {
  Evening world;
  world.Settle("20:00", "08:00");
  const std::string sim = world.Sim();
  const auto con = world.Contacts(6, sim);
  // Numbers of contacts are Austrian; one lives elsewhere, one is Japanese, of one nothing is
  // known.
  world.Sql("UPDATE contacts.contacts SET time_zone = 'America/New_York' WHERE id = 1");
  world.Sql("UPDATE contacts.contacts SET time_zone = 'Asia/Tokyo' WHERE id = 2");
  world.Sql("UPDATE contacts.contacts SET address = '+81901234567' WHERE id = 3");
  world.Sql("UPDATE contacts.contacts SET address = '+12125550100' WHERE id = 4");
  const std::string id = world.Create(world.Request({}, con));
  CHECK_FALSE(world.Get(id).has_applied_quiet_hours());
  world.Expand();
  CHECK(world.Get(id).applied_quiet_hours().ShortDebugString() ==
        "start: \"20:00\" end: \"08:00\" time_zone: \"Europe/Vienna\"");
  CHECK(world.Recipients("Asia/Tokyo") == 2);
  CHECK(world.Recipients("Europe/Vienna") == 3);
  CHECK(world.Recipients("America/New_York") == 1);
  {
    // Tokyo sleeps, and so does New York: 07:00.
    sims::TestAgent agent(world.env.app().grpc_port(), world.Token(sim));
    agent.WaitForSent(3);
    CHECK(world.Ledger(id).counts().queued() == 3);
    CHECK(world.State(id) == v1::BROADCAST_STATE_SENDING);
  }
  world.clock.Set(world.At(12, 59, 45));
  sims::TestAgent agent(world.env.app().grpc_port(), world.Token(sim));
  agent.WaitForSent(3);  // those again, for nobody has said what became of them
  world.clock.Set(world.At(13));
  agent.WaitForSent(4);
  CHECK(world.Ledger(id).counts().queued() == 2);
  agent.Drop();
  world.clock.Set(world.At(23));
  sims::TestAgent morning(world.env.app().grpc_port(), world.Token(sim));
  testing::WaitFor([&] { return world.Ledger(id).counts().queued() == 0; }, "Tokyo's morning");
}

TEST_CASE("A broadcast's own quiet hours come before the account's; an urgent one has none") {
  Evening world;
  world.Settle("20:00", "08:00");
  const auto con = world.Contacts(2);
  auto request = world.Request({}, con);
  request.set_ignore_quiet_hours(true);
  const std::string urgent = world.Create(request);
  world.Expand();
  CHECK(world.Get(urgent).ignore_quiet_hours());
  CHECK_FALSE(world.Get(urgent).has_applied_quiet_hours());
  CHECK(world.Recipients("") == 2);

  request.set_ignore_quiet_hours(false);
  request.mutable_quiet_hours()->set_start("13:00");
  request.mutable_quiet_hours()->set_end("13:30");
  const std::string own = world.Create(request);
  CHECK(world.Get(own).quiet_hours().end() == "13:30");
  world.Expand();
  CHECK(world.Get(own).applied_quiet_hours().start() == "13:00");
  CHECK(world.Number("SELECT count(*) FROM sims.dispatch_states WHERE hold_until = "
                     "'2026-01-15 12:30+00'") == 1);
}

TEST_CASE("What the account says counts when a broadcast begins, and stays for all of it") {
  Evening world;
  const std::string channel = world.Channel();
  const int contacts = 1200;  // two pages
  world.Contacts(contacts);
  world.SubscribeRange(channel, 1, contacts);
  auto request = world.Request({channel}, {});
  *request.mutable_send_time() = ToProto(world.At(15));
  const std::string id = world.Create(request);
  world.Settle("20:00", "08:00");
  world.clock.Set(world.At(15));
  REQUIRE(*world.workers().expander.RunOnce());
  world.Settle("21:00", "08:00");
  world.Expand();
  CHECK(world.Get(id).applied_quiet_hours().start() == "20:00");
  CHECK(world.Recipients("Europe/Vienna") == contacts);
  CHECK(world.Number("SELECT count(DISTINCT quiet_hours) FROM sims.dispatches") == 1);
}

TEST_CASE("Without quiet hours nothing is told of any, and nobody is split by zones") {
  Evening world;
  const auto con = world.Contacts(4);
  world.Sql("UPDATE contacts.contacts SET time_zone = 'Asia/Tokyo' WHERE id < 3");
  world.Create(world.Request({}, con));
  world.Expand();
  CHECK(world.Recipients("") == 4);
  CHECK(world.Number("SELECT count(*) FROM sims.dispatches") == 1);
}

TEST_CASE("A draft's quiet hours change until it begins, and bad ones name their fields") {
  Evening world;
  auto request = world.Request({}, world.Contacts(1));
  request.set_draft(true);
  request.mutable_quiet_hours()->set_start("25:00");
  request.mutable_quiet_hours()->set_end("08:00");
  const auto problems = [&](const absl::Status& status) {
    std::string fields;
    for (const FieldProblem& problem : FieldProblemsOf(status)) {
      absl::StrAppend(&fields, problem.field, "=", problem.reason, " ");
    }
    return fields;
  };
  const auto create = [&] {
    return problems(
        world.broadcasts.Call(&Stub::CreateBroadcast, world.caller(), request).status());
  };
  CHECK(create() == "quiet_hours.start=BAD_FORMAT ");
  request.mutable_quiet_hours()->set_start("08:00");
  request.set_ignore_quiet_hours(true);
  CHECK(create() == "quiet_hours=OUT_OF_RANGE ignore_quiet_hours=CONFLICT ");
  request.set_ignore_quiet_hours(false);
  request.mutable_quiet_hours()->set_start("22:00");
  v1::UpdateBroadcastRequest update;
  update.mutable_broadcast()->set_id(world.Create(request));
  update.mutable_broadcast()->set_ignore_quiet_hours(true);
  const auto change = [&] {
    return world.broadcasts.Call(&Stub::UpdateBroadcast, world.caller(), update);
  };
  CHECK(problems(change().status()) == "broadcast.ignore_quiet_hours=CONFLICT ");
  update.mutable_update_mask()->add_paths("quiet_hours");
  update.mutable_update_mask()->add_paths("ignore_quiet_hours");
  const auto changed = change();
  REQUIRE(changed.ok());
  CHECK_FALSE(changed->has_quiet_hours());
  CHECK(world.Get(update.broadcast().id()).ignore_quiet_hours());
  CHECK_FALSE(world.Get(update.broadcast().id()).has_quiet_hours());
}

TEST_CASE("A preview says who would have to wait, and until when it lasts then") {
  Evening world;
  world.Settle("20:00", "08:00");
  const std::string sim = world.Sim();
  const auto con = world.Contacts(30, sim);
  world.Sql("UPDATE contacts.contacts SET time_zone = 'Asia/Tokyo' WHERE id <= 20");
  world.Sql("UPDATE sims.sims SET messages_per_second = 2");
  world.Sql(
      "INSERT INTO sims.leases (account_id, sim_id, epoch, expire_time) "
      "SELECT 1, id, 1, '2027-01-01' FROM sims.sims");
  v1::PreviewBroadcastRequest request;
  *request.mutable_content() = world.Request({}, con).content();
  *request.mutable_audience() = world.Request({}, con).audience();
  const auto preview = [&] {
    return *world.broadcasts.Call(&Stub::PreviewBroadcast, world.caller(), request);
  };
  const v1::BroadcastPreview night = preview();
  CHECK(night.recipients() == 30);
  CHECK(night.deferred() == 20);
  CHECK(FromProto(night.finish_time()) == world.At(23, 0, 10));
  request.set_ignore_quiet_hours(true);
  CHECK(preview().deferred() == 0);
  CHECK(FromProto(preview().finish_time()) == world.At(12, 0, 15));
}

TEST_CASE("Who is sent to again has the quiet hours of the first time") {
  Evening world;
  auto request = world.Request({}, world.Contacts(1));
  request.mutable_quiet_hours()->set_start("22:00");
  request.mutable_quiet_hours()->set_end("07:00");
  const std::string id = world.Create(request);
  world.Expand();
  world.Sql("UPDATE sims.dispatch_states SET status = '\\x70', open = false");
  world.Sql(absl::StrCat("UPDATE channels.broadcasts SET state = ", v1::BROADCAST_STATE_DONE));
  v1::ResendFailedRequest resend;
  resend.set_id(id);
  const auto again = world.broadcasts.Call(&Stub::ResendFailed, world.caller(), resend);
  INFO(again.status());
  REQUIRE(again.ok());
  CHECK(world.Get(again->id()).quiet_hours().start() == "22:00");
}

}  // namespace
}  // namespace mo::channels
