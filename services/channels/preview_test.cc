#include "services/channels/preview.h"

#include <catch2/catch.hpp>

#include "libs/testing/clock.h"
#include "services/channels/broadcast_world.h"

namespace mo::channels {
namespace {

using Stub = v1::BroadcastService::Stub;

v1::PreviewBroadcastRequest PreviewOf(const v1::CreateBroadcastRequest& request) {
  v1::PreviewBroadcastRequest preview;
  *preview.mutable_content() = request.content();
  *preview.mutable_audience() = request.audience();
  if (request.has_send_time()) *preview.mutable_send_time() = request.send_time();
  return preview;
}

std::map<int, int64_t> Reasons(const google::protobuf::RepeatedPtrField<common::ReasonCount>& all) {
  std::map<int, int64_t> reasons;
  for (const common::ReasonCount& count : all) reasons[count.reason()] += count.count();
  return reasons;
}

TEST_CASE("A preview says what the broadcast then does, and changes nothing") {
  BroadcastWorld world(/*stepwise=*/true);
  const std::string a = world.Channel();
  const std::string b = world.Channel();
  const std::string big = world.Sim();
  const std::string small = world.Sim();
  const std::string gone = world.Sim();
  std::vector<std::string> con = world.Contacts(12000, big);
  for (const std::string& id : world.Contacts(100, small)) con.push_back(id);
  for (const std::string& id : world.Contacts(7, gone)) con.push_back(id);
  world.SubscribeRange(a, 1, 12050);
  world.SubscribeRange(b, 6000, 12107);
  world.SubscribeRange(b, 90000, 90000);
  world.Sql("UPDATE contacts.contacts SET state = 1 WHERE id IN (2, 7000)");
  world.Sql("UPDATE contacts.contacts SET state = 3 WHERE id = 3");
  world.Sql("UPDATE contacts.contacts SET address = '' WHERE id = 6");
  world.Sql(absl::StrCat("DELETE FROM sims.sims WHERE id = ", IdOf(gone)));
  auto request = world.Request({a, b}, {con[0]}, "Hello {{name|you}}");
  request.mutable_audience()->add_exclude_contacts(con[4]);
  auto preview = world.broadcasts.Call(&Stub::PreviewBroadcast, world.caller(), PreviewOf(request));
  INFO(preview.status());
  REQUIRE(preview.ok());
  CHECK(preview->complete());
  CHECK(preview->audience() == 12108);
  CHECK(Reasons(preview->skipped()) ==
        std::map<int, int64_t>{{common::DELIVERY_REASON_PENDING, 2},
                               {common::DELIVERY_REASON_STOPPED, 1},
                               {common::DELIVERY_REASON_EXCLUDED, 1},
                               {common::DELIVERY_REASON_NO_SIM, 7},
                               {common::DELIVERY_REASON_ADDRESS_INVALID, 1},
                               {common::DELIVERY_REASON_CONTACT_GONE, 1}});
  CHECK(preview->recipients() == 12108 - 13);
  REQUIRE(preview->sims_size() == 2);
  CHECK(preview->sims(0).sim_id() == big);
  CHECK(preview->sims(0).recipients() == 11995);
  CHECK(preview->sims(1).recipients() == 100);
  for (const char* table : {"broadcasts", "expansions", "broadcast_skips", "outbox"}) {
    CAPTURE(table);
    CHECK(world.Number(absl::StrCat("SELECT count(*) FROM channels.", table,
                                    table == std::string("outbox")
                                        ? " WHERE envelope LIKE '%BroadcastChanged%'::bytea"
                                        : "")) == 0);
  }
  CHECK(world.SentTo().empty());

  const std::string id = world.Create(request);
  world.Expand();
  const common::DeliveryCounts counts = world.Ledger(id).counts();
  CHECK(counts.audience() == preview->audience());
  CHECK(counts.queued() == preview->recipients());
  CHECK(Reasons(counts.reasons()) == Reasons(preview->skipped()));
}

TEST_CASE("The expected finish is that of the SIM that takes longest, if all can send") {
  BroadcastWorld world(/*stepwise=*/true);
  const std::string fast = world.Sim();
  const std::string slow = world.Sim();
  std::vector<std::string> con = world.Contacts(95, slow);
  for (const std::string& id : world.Contacts(900, fast)) con.push_back(id);
  world.Sql(absl::StrCat("UPDATE sims.sims SET messages_per_second = 10 WHERE id = ", IdOf(slow)));
  auto request = world.Request({}, con);
  const absl::Time start = absl::FromUnixSeconds(absl::ToUnixSeconds(absl::Now()) + 3600);
  *request.mutable_send_time() = ToProto(start);
  request.set_draft(true);
  const std::string id = world.Create(request);
  v1::PreviewSavedBroadcastRequest saved;
  saved.set_id(id);
  const auto preview = [&] {
    return *world.broadcasts.Call(&Stub::PreviewSavedBroadcast, world.caller(), saved);
  };
  // Nobody is attached to the SIMs.
  CHECK(preview().complete());
  CHECK_FALSE(preview().has_finish_time());
  CHECK_FALSE(preview().sims(0).sending());
  // A SIM is online while somebody holds its lease.
  world.Sql(
      "INSERT INTO sims.leases (account_id, sim_id, epoch, expire_time) "
      "SELECT 1, id, 1, now() + interval '1 hour' FROM sims.sims");
  CHECK(FromProto(preview().start_time()) == start);
  CHECK(preview().sims(0).sim_id() == fast);
  CHECK(FromProto(preview().sims(0).finish_time()) == start);
  CHECK(preview().sims(1).messages_per_second() == 10);
  CHECK(FromProto(preview().sims(1).finish_time()) == start + absl::Seconds(10));
  CHECK(FromProto(preview().finish_time()) == start + absl::Seconds(10));
  sims_v1::PauseSimRequest pause;
  pause.set_id(slow);
  Client<sims_v1::SimService> sims(world.env.app());
  REQUIRE(sims.Call(&sims_v1::SimService::Stub::PauseSim, world.caller(), pause).ok());
  CHECK_FALSE(preview().has_finish_time());
  CHECK(preview().sims(0).has_finish_time());

  v1::SendBroadcastRequest send;
  send.set_id(id);
  REQUIRE(world.broadcasts.Call(&Stub::SendBroadcast, world.caller(), send).ok());
  CHECK(preview().audience() == 995);
  REQUIRE(world.Cancel(id).ok());
  CHECK(ReasonOf(
            world.broadcasts.Call(&Stub::PreviewSavedBroadcast, world.caller(), saved).status()) ==
        "BROADCAST_FINISHED");
}

TEST_CASE("The expected finish counts what waits at the SIMs already") {
  testing::FakeClock clock;
  BroadcastWorld world(/*stepwise=*/true, &clock);
  const std::string sim = world.Sim();
  const std::string other = world.Sim();
  const std::vector<std::string> con = world.Contacts(100, sim);
  const std::vector<std::string> elsewhere = world.Contacts(300, other);
  world.Sql("UPDATE sims.sims SET messages_per_second = 10");
  world.Sql(
      "INSERT INTO sims.leases (account_id, sim_id, epoch, expire_time) "
      "SELECT 1, id, 1, now() + interval '1 hour' FROM sims.sims");
  const auto preview = [&](absl::Duration later) {
    auto request = PreviewOf(world.Request({}, con));
    if (later > absl::ZeroDuration()) {
      *request.mutable_send_time() = ToProto(clock.Now() + later);
    }
    auto previewed = world.broadcasts.Call(&Stub::PreviewBroadcast, world.caller(), request);
    REQUIRE(previewed.ok());
    REQUIRE(previewed->sims_size() == 1);
    return previewed->sims(0);
  };
  const auto finish = [&](absl::Duration later) {
    return FromProto(preview(later).finish_time()) - clock.Now();
  };
  CHECK(preview(absl::ZeroDuration()).queued() == 0);
  CHECK(finish(absl::ZeroDuration()) == absl::Seconds(10));
  // Of two broadcasts, one paused; and another SIM's.
  world.Create(world.Request({}, con));
  const std::string paused = world.Create(world.Request({}, con));
  world.Create(world.Request({}, elsewhere));
  world.Expand();
  CHECK(preview(absl::ZeroDuration()).queued() == 200);
  CHECK(finish(absl::ZeroDuration()) == absl::Seconds(30));
  REQUIRE(world.Pause(paused).ok());
  REQUIRE(world.workers().controls.RunOnce().ok());
  CHECK(preview(absl::ZeroDuration()).queued() == 100);
  CHECK(finish(absl::ZeroDuration()) == absl::Seconds(20));
  // The SIM is done with it by then, or in part.
  CHECK(finish(absl::Minutes(5)) == absl::Minutes(5) + absl::Seconds(10));
  CHECK(finish(absl::Seconds(4)) == absl::Seconds(20));
  // More than is counted: nobody can say.
  world.Sql(
      "INSERT INTO sims.dispatch_states (account_id, id, sim_id, lane, control, open, status, "
      "update_time) SELECT account_id, id + n, sim_id, lane, control, open, status, update_time "
      "FROM sims.dispatch_states, generate_series(1000001, 1000500) n WHERE sim_id = " +
      std::to_string(IdOf(sim)) + " AND control = 1");
  CHECK(preview(absl::ZeroDuration()).queued() > 10000);
  CHECK_FALSE(preview(absl::ZeroDuration()).has_finish_time());
}

TEST_CASE("A preview is checked like a broadcast") {
  BroadcastWorld world(/*stepwise=*/true);
  auto request = PreviewOf(world.Request({FormatId("chn", 9)}, {}, "{{nam}}"));
  const absl::Status refused =
      world.broadcasts.Call(&Stub::PreviewBroadcast, world.caller(), request).status();
  REQUIRE(FieldProblemsOf(refused).size() == 2);
  CHECK(FieldProblemsOf(refused)[0].field == "content.text.body");
  CHECK(FieldProblemsOf(refused)[1].field == "audience.channels[0]");
}

TEST_CASE("A preview whose time is up says that it is not complete") {
  BroadcastWorld world(/*stepwise=*/true);
  const std::string channel = world.Channel();
  world.Contacts(12000);
  world.SubscribeRange(channel, 1, 12000);
  Caller hasty = world.caller();
  hasty.deadline = absl::Now() + absl::Milliseconds(1900);
  const auto counted = world.broadcasts.Call(&Stub::PreviewBroadcast, hasty,
                                             PreviewOf(world.Request({channel}, {})));
  REQUIRE(counted.ok());
  CHECK_FALSE(counted->complete());
  CHECK(counted->audience() > 0);
  CHECK(counted->audience() < 12000);
  CHECK(counted->audience() == counted->recipients());
  CHECK_FALSE(counted->has_finish_time());
}

}  // namespace
}  // namespace mo::channels
