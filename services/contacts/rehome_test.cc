// Contacts of a lost SIM: their new one, and how they are told of it.
#include <catch2/catch.hpp>

#include "libs/runtime/ids.h"
#include "libs/testing/wait.h"
#include "messageorganizer/sims/v1/events.pb.h"
#include "services/contacts/notices.h"
#include "services/contacts/place_store.h"
#include "services/contacts/places.h"
#include "services/contacts/pool_test.h"
#include "services/contacts/sims_events.h"

namespace mo::contacts {
namespace {

namespace common_v1 = messageorganizer::common::v1;
using testing::WaitFor;
using SimStub = sims_v1::SimService::Stub;

constexpr char kAnna[] = "+436641234567";

// A SIM that will be lost.
struct LostPool {
  LostPool() {
    pool.emplace();
    lost = pool->AddSim(100);
  }
  void SetNotice(const std::string& text) {
    sims_v1::UpdatePoolSettingsRequest request;
    request.mutable_settings()->mutable_rehome_notice()->mutable_text()->set_body(text);
    REQUIRE(pool->sims.Call(&SimStub::UpdatePoolSettings, pool->caller(), request).ok());
  }
  // Gives a SIM up; the contacts go to the others.
  void Rehome(const std::string& sim) {
    sims_v1::DrainSimRequest drain;
    drain.set_id(sim);
    REQUIRE(pool->sims.Call(&SimStub::DrainSim, pool->caller(), drain).ok());
    sims_v1::RehomeSimRequest request;
    request.set_id(sim);
    REQUIRE(pool->sims.Call(&SimStub::RehomeSim, pool->caller(), request).ok());
  }
  void WaitForSim(const std::string& contact, const std::string& sim) {
    WaitFor([&] { return pool->Get(contact)->sim_id() == sim; }, "the contact's new SIM");
  }
  std::string AddressOf(const std::string& sim) {
    sims_v1::GetSimRequest request;
    request.set_id(sim);
    return pool->sims.Call(&SimStub::GetSim, pool->caller(), request)->address();
  }
  // Keys of the notices in the ledger.
  std::string Keys() {
    return pool->Sql("SELECT coalesce(string_agg(key, ' ' ORDER BY id), '') FROM sims.dispatches");
  }
  // The ledger has ended a notice.
  void Tell(const std::string& key, common_v1::DeliveryState state,
            common_v1::DeliveryReason reason) {
    sims_v1::DispatchProgress progress;
    progress.set_key(key);
    progress.set_complete(true);
    progress.set_state(state);
    progress.set_reason(reason);
    events::Event event;
    event.source = "sims";
    event.envelope.set_account_id(1);
    event.envelope.set_type(progress.GetDescriptor()->full_name());
    event.envelope.set_payload(progress.SerializeAsString());
    REQUIRE(SimsEvents::Wants(event));
    const auto database = pool->OpenDatabase();
    events::Outbox outbox(pool->env.app(), *database, {});
    SimsEvents sims_events(pool->env.app(), outbox);
    REQUIRE(
        database
            ->AsSystem([&](storage::Transaction& tx) { return sims_events.Handle(tx, {event}); })
            .ok());
  }

  std::optional<Pool> pool;
  std::string lost;
};

TEST_CASE("A contact of a lost SIM gets another one and is told of it once", "[rehome]") {
  LostPool test;
  Pool& pool = *test.pool;
  test.SetNotice("{{name|du}}: {{sim.address}} ({{sim.name}})");
  const auto anna = pool.Write(1, test.lost, kAnna);
  REQUIRE(anna.ok());
  const std::string id = anna->contact().id();
  const auto registration = pool.Register(kAnna);
  REQUIRE(registration.ok());
  CHECK(registration->sim_address() == test.AddressOf(test.lost));

  const std::string fresh = pool.AddSim(100);
  test.Rehome(test.lost);
  test.WaitForSim(id, fresh);
  CHECK(pool.Get(id)->etag() != anna->contact().etag());
  v1::GetRegistrationRequest get;
  get.set_id(registration->id());
  const auto shown = pool.contacts.Call(&Stub::GetRegistration, pool.caller(), get);
  CHECK(shown->sim_address() == test.AddressOf(fresh));
  WaitFor([&] { return !test.Keys().empty(); }, "the notice");
  CHECK(pool.Sql("SELECT encode(content, 'escape') FROM sims.dispatches")
            .find("Anna: " + test.AddressOf(fresh) + " (Demo)") != std::string::npos);
  CHECK(pool.Sql(absl::StrCat("SELECT addresses[1] FROM sims.dispatches WHERE sim_id = ",
                              IdOf(fresh), " AND contact_ids[1] = ", IdOf(id))) == kAnna);
  CHECK(pool.Sql("SELECT (expire_time > now() + interval '1 day')::text FROM sims.dispatches") ==
        "true");
  // Submitted again after a crash before it was noted: the ledger knows it.
  WaitFor([&] { return pool.Sql("SELECT phase::text FROM contacts.notices") == "2"; }, "the mark");
  pool.Sql("UPDATE contacts.notices SET phase = 1, due_time = 'epoch'");
  WaitFor([&] { return pool.Sql("SELECT phase::text FROM contacts.notices") == "2"; },
          "the mark again");
  CHECK(pool.Sql("SELECT count(*)::text FROM sims.dispatches") == "1");
  test.Tell(test.Keys(), common_v1::DELIVERY_STATE_ACCEPTED, {});
  CHECK(pool.Sql("SELECT count(*)::text FROM contacts.notices") == "0");

  // To the old SIM, which hears still: the new one stays.
  const auto known = pool.Write(2, test.lost, kAnna);
  REQUIRE(known.ok());
  CHECK(known->outcome() == v1::INBOUND_OUTCOME_KNOWN);
  CHECK(known->contact().sim_id() == fresh);
  CHECK(pool.Get(id)->sim_id() == fresh);
}

TEST_CASE("Whoever may not be written to is told when it writes to its new SIM", "[rehome]") {
  LostPool test;
  Pool& pool = *test.pool;
  test.SetNotice("{{sim.address}}");
  const std::string id = pool.Write(1, test.lost, kAnna)->contact().id();
  const std::string fresh = pool.AddSim(100);
  test.Rehome(test.lost);
  test.WaitForSim(id, fresh);
  WaitFor([&] { return !test.Keys().empty(); }, "the notice");
  const std::string first = test.Keys();
  test.Tell(first, common_v1::DELIVERY_STATE_SKIPPED, common_v1::DELIVERY_REASON_WINDOW_CLOSED);
  CHECK(pool.Sql("SELECT phase::text FROM contacts.notices") == "3");
  // The same once more, and a message to the old SIM: nothing changes.
  test.Tell(first, common_v1::DELIVERY_STATE_SKIPPED, common_v1::DELIVERY_REASON_WINDOW_CLOSED);
  REQUIRE(pool.Write(2, test.lost, kAnna).ok());
  CHECK(pool.Sql("SELECT phase::text FROM contacts.notices") == "3");
  CHECK(test.Keys() == first);

  REQUIRE(pool.Write(3, fresh, kAnna).ok());
  WaitFor([&] { return test.Keys() != first; }, "the second attempt");
  const std::string second = test.Keys().substr(first.size() + 1);
  REQUIRE(pool.Write(4, fresh, kAnna).ok());
  test.Tell(second, common_v1::DELIVERY_STATE_DELIVERED, {});
  CHECK(pool.Sql("SELECT count(*)::text FROM contacts.notices") == "0");
  CHECK(pool.Sql("SELECT count(*)::text FROM sims.dispatches") == "2");
  CHECK(pool.Sql("SELECT notice_waits::text FROM contacts.contacts") == "false");
}

TEST_CASE("Only active contacts are told, and an old link still registers", "[rehome]") {
  LostPool test;
  Pool& pool = *test.pool;
  test.SetNotice("{{sim.address}}");
  const std::string stopped = pool.Write(1, test.lost, kAnna)->contact().id();
  REQUIRE(pool.Stop(stopped).ok());
  const auto pending = pool.Register("");
  REQUIRE(pending.ok());
  const std::string fresh = pool.AddSim(100);
  test.Rehome(test.lost);
  test.WaitForSim(stopped, fresh);
  test.WaitForSim(pending->contact_id(), fresh);
  CHECK(pool.Sql("SELECT count(*)::text FROM contacts.notices") == "0");
  CHECK(test.Keys().empty());
  // Printed before the move.
  const auto activated = pool.Write(2, test.lost, "+436641111111", NETWORK_WHATSAPP, pending->id());
  REQUIRE(activated.ok());
  CHECK(activated->outcome() == v1::INBOUND_OUTCOME_ACTIVATED);
  CHECK(activated->contact().id() == pending->contact_id());
  CHECK(activated->contact().sim_id() == fresh);
}

TEST_CASE("A contact that is moved before it is entered gets its place anew", "[rehome]") {
  LostPool test;
  Pool& pool = *test.pool;
  const auto database = pool.OpenDatabase();
  Places places(pool.env.app(), *database);
  const Identity identity{NETWORK_WHATSAPP, "", kAnna};
  int64_t contact_id = 0;
  REQUIRE(database
              ->As(1,
                   [&](storage::Transaction& tx) {
                     auto intention = places.Intend(tx, std::nullopt, identity);
                     contact_id = intention->ContactId().value_or(0);
                     return intention.status();
                   })
              .ok());
  const auto place = places.Ask(pool.caller(), contact_id, identity, "", absl::Now());
  REQUIRE(place.ok());
  REQUIRE(place->sim.sim_id() == test.lost);
  const std::string fresh = pool.AddSim(100);
  test.Rehome(test.lost);
  WaitFor(
      [&] {
        return pool.Sql("SELECT count(*)::text FROM contacts.places WHERE releasing") != "0" ||
               pool.Occupancy() == 0;
      },
      "the place to be given up");
  // Whoever was given the lost SIM cannot enter it.
  CHECK_FALSE(*database->As(
      1, [&](storage::Transaction& tx) { return Claimed(ClaimPlace(tx, contact_id)); }));
  WaitFor([&] { return pool.Occupancy() == 0; }, "the place to be released");
  const auto registration = pool.Register(kAnna);
  REQUIRE(registration.ok());
  CHECK(registration->sim_address() == test.AddressOf(fresh));
  CHECK(pool.Occupancy() == 1);
}

TEST_CASE("The key of a notice's dispatch leads back to it", "[rehome]") {
  const NoticeKey key{7, 1234, 99, 2};
  const auto back = NoticeKeyOf(7, DispatchKeyOf(key));
  REQUIRE(back.has_value());
  CHECK(back->contact_id == 1234);
  CHECK(back->event_id == 99);
  CHECK(back->attempt == 2);
  for (const char* other : {"", "msg_0000000000001", "rehome/con_x/1/1", "rehome/1/2/3", "rehome"})
    CHECK_FALSE(NoticeKeyOf(7, other).has_value());
}

}  // namespace
}  // namespace mo::contacts
