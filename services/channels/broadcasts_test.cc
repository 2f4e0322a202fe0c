#include "services/channels/broadcasts.h"

#include <catch2/catch.hpp>

#include "libs/testing/clock.h"
#include "services/channels/broadcast_world.h"

namespace mo::channels {
namespace {

using Stub = v1::BroadcastService::Stub;

TEST_CASE("A broadcast's request is checked as a whole; a bad one changes nothing") {
  BroadcastWorld world;
  const std::string contact = world.Contacts(1)[0];
  const std::string channel = world.Channel();
  const auto problems = [&](const v1::CreateBroadcastRequest& request) {
    std::vector<std::string> fields;
    for (const FieldProblem& problem : FieldProblemsOf(
             world.broadcasts.Call(&Stub::CreateBroadcast, world.caller(), request).status())) {
      fields.push_back(problem.field + " " + problem.reason);
    }
    return fields;
  };
  using Fields = std::vector<std::string>;
  const auto good = world.Request({channel}, {contact});

  auto request = good;
  request.mutable_audience()->clear_channels();
  request.mutable_audience()->clear_contacts();
  CHECK(problems(request) == Fields{"audience REQUIRED"});
  request = good;
  request.mutable_audience()->add_channels(FormatId("chn", 9));
  request.mutable_audience()->add_contacts(FormatId("con", 9));
  request.mutable_audience()->add_exclude_contacts(FormatId("con", 8));
  request.mutable_content()->mutable_text()->set_body("{{nam}}");
  CHECK(problems(request) ==
        Fields{"content.text.body BAD_PLACEHOLDER", "audience.channels[1] NOT_FOUND",
               "audience.contacts[1] NOT_FOUND", "audience.exclude_contacts[0] NOT_FOUND"});
  request = good;
  request.mutable_content()->clear_kind();
  CHECK(problems(request) == Fields{"content REQUIRED"});
  request.mutable_content()->mutable_media()->set_kind(common::MEDIA_KIND_IMAGE);
  CHECK(problems(request) == Fields{"content.media.media_id REQUIRED"});
  request.mutable_content()->mutable_location()->set_latitude(91);
  CHECK(problems(request) == Fields{"content.location.latitude OUT_OF_RANGE"});
  std::string many;
  for (int i = 0; i < 51; ++i) many += absl::StrCat("{{attributes.a", i, "}}");
  request.mutable_content()->mutable_text()->set_body(many);
  CHECK(problems(request) == Fields{"content.text.body TOO_MANY"});
  request.mutable_content()->mutable_text()->set_body("{{name|" + std::string(1025, 'x') + "}}");
  CHECK(problems(request) == Fields{"content.text.body TOO_LONG"});

  const absl::Time now = absl::Now();
  request = good;
  *request.mutable_send_time() = ToProto(now + absl::Hours(24 * 367));
  CHECK(problems(request) == Fields{"send_time TOO_FAR"});
  *request.mutable_send_time() = ToProto(now - absl::Hours(1));
  CHECK(problems(request) == Fields{"send_time IN_THE_PAST"});
  *request.mutable_send_time() = ToProto(now + absl::Hours(1));
  *request.mutable_expire_time() = ToProto(now + absl::Minutes(30));
  CHECK(problems(request) == Fields{"expire_time OUT_OF_RANGE"});
  CHECK(world.broadcasts.Call(&Stub::ListBroadcasts, world.caller(), v1::ListBroadcastsRequest())
            ->broadcasts()
            .empty());
  CHECK(world.Number("SELECT count(*) FROM channels.expansions") == 0);
}

TEST_CASE("A scheduled broadcast starts when it is due, and not when that was missed") {
  testing::FakeClock clock;
  BroadcastWorld world(/*stepwise=*/true, &clock);
  auto request = world.Request({}, world.Contacts(2));
  *request.mutable_send_time() = ToProto(clock.Now() + absl::Hours(2));
  const std::string early = world.Create(request);
  const std::string late = world.Create(request);
  CHECK(world.State(early) == v1::BROADCAST_STATE_SCHEDULED);
  CHECK_FALSE(world.workers().expander.Take()->has_value());
  clock.Advance(absl::Hours(2) + absl::Seconds(1));
  CHECK(*world.workers().expander.RunOnce());
  CHECK(world.State(early) == v1::BROADCAST_STATE_SENDING);
  clock.Advance(kGracePeriod);
  CHECK(*world.workers().expander.RunOnce());
  CHECK(world.State(late) == v1::BROADCAST_STATE_MISSED);
  CHECK_FALSE(*world.workers().expander.RunOnce());
  CHECK(world.SentTo().size() == 2);
  const auto events = world.Events<v1::BroadcastChanged>();
  CHECK(events.back().broadcast_id() == late);
  CHECK(events.back().state() == v1::BROADCAST_STATE_MISSED);
  CHECK(ReasonOf(world.Pause(late).status()) == "BROADCAST_FINISHED");
}

TEST_CASE("What another machine's clock was too early for is left alone until it is due here") {
  testing::FakeClock clock;
  BroadcastWorld world(/*stepwise=*/true, &clock);
  auto request = world.Request({}, world.Contacts(1));
  const absl::Time start = clock.Now() + absl::Minutes(5);
  *request.mutable_send_time() = ToProto(start);
  const std::string id = world.Create(request);
  Expander& expander = world.workers().expander;
  clock.Set(start);
  auto turn = *expander.Take();
  REQUIRE(turn.has_value());
  clock.Set(start - absl::Seconds(1));
  REQUIRE(expander.Plan(*turn).ok());
  REQUIRE(expander.Submit(*turn).ok());
  REQUIRE(expander.End(*turn).ok());
  CHECK(world.State(id) == v1::BROADCAST_STATE_SCHEDULED);
  CHECK_FALSE(*expander.RunOnce());
  clock.Set(start);
  CHECK(*expander.RunOnce());
  CHECK(world.State(id) == v1::BROADCAST_STATE_SENDING);
}

TEST_CASE("A broadcast that cannot begin in time, because another service is down, is missed") {
  testing::FakeClock clock;
  BroadcastWorld world(/*stepwise=*/true, &clock);
  const auto con = world.Contacts(2);
  auto request = world.Request({}, con);
  const bool scheduled = GENERATE(false, true);
  const absl::Time start = clock.Now() + absl::Minutes(scheduled ? 5 : 0);
  if (scheduled) *request.mutable_send_time() = ToProto(start);
  const std::string id = world.Create(request);
  const std::string table = GENERATE("accounts.settings", "contacts.contacts");
  world.Sql(absl::StrCat("ALTER TABLE ", table, " RENAME TO gone"));
  for (const absl::Time time : {start, start + kGracePeriod}) {
    clock.Set(time);
    CHECK(*world.workers().expander.RunOnce());
    CHECK(world.State(id) == v1::BROADCAST_STATE_EXPANDING);
  }
  clock.Advance(absl::Minutes(1));
  const auto sleeper = *world.workers().expander.Take();
  REQUIRE(sleeper.has_value());
  SECTION("down for longer than the grace period") {
    world.ExpireLeases();
    CHECK(*world.workers().expander.RunOnce());
    CHECK(world.State(id) == v1::BROADCAST_STATE_MISSED);
    CHECK(world.Events<v1::BroadcastChanged>().back().state() == v1::BROADCAST_STATE_MISSED);
    CHECK_FALSE(*world.workers().expander.RunOnce());
  }
  SECTION("another expander was in time, unknown to one that slept") {
    world.Sql(absl::StrCat("ALTER TABLE ", table.substr(0, table.find('.')), ".gone RENAME TO ",
                           table.substr(table.find('.') + 1)));
    world.ExpireLeases();
    clock.Set(start + kGracePeriod);
    auto turn = *world.workers().expander.Take();
    REQUIRE(turn.has_value());
    REQUIRE(world.workers().expander.Plan(*turn).ok());
    clock.Advance(absl::Minutes(1));
    auto late = *sleeper;
    CHECK(ReasonOf(world.workers().expander.Plan(late)) == "TURN_LOST");
    CHECK(world.State(id) == v1::BROADCAST_STATE_EXPANDING);
    REQUIRE(world.workers().expander.Submit(*turn).ok());
    REQUIRE(world.workers().expander.End(*turn).ok());
    CHECK(world.State(id) == v1::BROADCAST_STATE_SENDING);
    CHECK(world.SentTo().size() == 2);
  }
}

TEST_CASE("A pause before the start holds; after the resume it starts, however late") {
  testing::FakeClock clock;
  BroadcastWorld world(/*stepwise=*/true, &clock);
  auto request = world.Request({}, world.Contacts(2));
  *request.mutable_send_time() = ToProto(clock.Now() + absl::Minutes(1));
  const std::string id = world.Create(request);
  REQUIRE(world.Pause(id).ok());
  REQUIRE(world.Resume(id)->state() == v1::BROADCAST_STATE_SCHEDULED);
  REQUIRE(world.Pause(id).ok());
  clock.Advance(absl::Hours(5));
  world.Expand();
  CHECK(world.SentTo().empty());
  CHECK(world.Resume(id)->state() == v1::BROADCAST_STATE_EXPANDING);
  world.Expand();
  CHECK(world.SentTo().size() == 2);
  CHECK(world.State(id) == v1::BROADCAST_STATE_SENDING);
}

TEST_CASE("Pause, resume and cancel reach sims, also after a crash in between") {
  BroadcastWorld world(/*stepwise=*/true);
  const std::string id = world.Create(world.Request({}, world.Contacts(3)));
  world.Expand();
  const auto control = [&] {
    return world.Number("SELECT control FROM sims.group_controls WHERE group_key = '" + id + "'");
  };
  const auto queued = [&](int control_number) {
    return world.Number(absl::StrCat(
        "SELECT count(*) FROM sims.dispatch_states WHERE open AND control = ", control_number));
  };
  CHECK(world.Pause(id)->state() == v1::BROADCAST_STATE_PAUSED);
  CHECK(queued(sims_v1::GROUP_CONTROL_PAUSE) == 1);
  CHECK(world.Pause(id)->state() == v1::BROADCAST_STATE_PAUSED);
  CHECK(world.Resume(id)->state() == v1::BROADCAST_STATE_SENDING);
  CHECK(queued(sims_v1::GROUP_CONTROL_RUN) == 1);
  CHECK(world.Resume(id)->state() == v1::BROADCAST_STATE_SENDING);

  // As if the process had died between its commit and the call, or an old call came late.
  world.Sql(absl::StrCat(
      "UPDATE sims.group_controls SET control = ", static_cast<int>(sims_v1::GROUP_CONTROL_PAUSE),
      "; UPDATE channels.broadcasts SET control_push_time = now()"));
  CHECK_FALSE(*world.workers().controls.RunOnce());
  CHECK(control() == sims_v1::GROUP_CONTROL_RUN);
  // The second confirmation, thirty seconds later, is the last one.
  world.Sql("UPDATE channels.broadcasts SET control_push_time = now()");
  REQUIRE(world.workers().controls.RunOnce().ok());
  CHECK(world.Number("SELECT count(*) FROM channels.broadcasts WHERE control_push_time IS NOT "
                     "NULL") == 0);

  CHECK(world.Cancel(id)->state() == v1::BROADCAST_STATE_CANCELED);
  CHECK(world.Cancel(id)->has_finish_time());
  const v1::Ledger ledger = world.Ledger(id);
  CHECK(ledger.counts().skipped() == 3);
  CHECK(ledger.counts().audience() == 3);
  REQUIRE(ledger.counts().reasons_size() == 1);
  CHECK(ledger.counts().reasons(0).reason() == common::DELIVERY_REASON_CANCELED);
  CHECK(ReasonOf(world.Resume(id).status()) == "BROADCAST_FINISHED");
}

TEST_CASE("Broadcasts are listed newest first; other accounts see none of them") {
  BroadcastWorld world;
  const std::string contact = world.Contacts(1)[0];
  const std::string first = world.Create(world.Request({}, {contact}));
  const std::string second = world.Create(world.Request({}, {contact}));
  v1::ListBroadcastsRequest list;
  list.set_page_size(1);
  auto page = world.broadcasts.Call(&Stub::ListBroadcasts, world.caller(), list);
  REQUIRE(page.ok());
  CHECK(page->broadcasts(0).id() == second);
  list.set_page_token(page->next_page_token());
  page = world.broadcasts.Call(&Stub::ListBroadcasts, world.caller(), list);
  CHECK(page->broadcasts(0).id() == first);
  CHECK(page->next_page_token().empty());
  v1::GetBroadcastRequest get;
  get.set_id(first);
  v1::GetLedgerRequest ledger;
  ledger.set_id(first);
  v1::ListDeliveriesRequest deliveries;
  deliveries.set_id(first);
  const Caller other = world.env.caller(2);
  for (const absl::Status& status :
       {world.broadcasts.Call(&Stub::GetBroadcast, other, get).status(),
        world.broadcasts.Call(&Stub::GetLedger, other, ledger).status(),
        world.broadcasts.Call(&Stub::ListDeliveries, other, deliveries).status()}) {
    CHECK(ReasonOf(status) == "BROADCAST_NOT_FOUND");
  }
}

}  // namespace
}  // namespace mo::channels
