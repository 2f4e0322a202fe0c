#include "services/contacts/inbound.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <map>
#include <mutex>

#include "services/contacts/pool_test.h"
#include "services/contacts/suppression.h"

namespace mo::contacts {
namespace {

constexpr char kPhone[] = "+436641234567";

std::string Suppressed(Pool& pool, const std::string& contact_id) {
  return pool.Sql(absl::StrCat("SELECT suppressed::text FROM sims.suppressions WHERE contact_id = ",
                               IdOf(contact_id)));
}

TEST_CASE("Pending, unknown, known, stopped: what a message makes of its sender") {
  Pool pool;
  const std::string sim = pool.AddSim(5);
  pool.SetChannels({"chn_0000000000001", "chn_0000000000002"});
  auto registration = pool.Register(kPhone, NETWORK_WHATSAPP, {"chn_0000000000002"});
  REQUIRE(pool.Register(kPhone, NETWORK_WHATSAPP, {"chn_0000000000001", "chn_0000000000002"}).ok());

  auto activated = pool.Write(1, sim, kPhone);
  REQUIRE(activated.ok());
  CHECK(activated->outcome() == v1::INBOUND_OUTCOME_ACTIVATED);
  CHECK(activated->contact().id() == registration->contact_id());
  CHECK(activated->contact().state() == v1::CONTACT_STATE_ACTIVE);
  CHECK(activated->contact().display_name() == "Anna");
  REQUIRE(activated->channel_ids_size() == 2);
  CHECK(activated->channel_ids(0) == "chn_0000000000001");
  CHECK(pool.Counts() == "0/1/0");

  auto known = pool.Write(2, sim, kPhone);
  CHECK(known->outcome() == v1::INBOUND_OUTCOME_KNOWN);
  CHECK(known->channel_ids().empty());
  CHECK(known->contact().etag() == activated->contact().etag());
  CHECK(known->contact().last_inbound_time().seconds() > 0);

  auto stranger = pool.Write(3, sim, "+436649999999");
  CHECK(stranger->outcome() == v1::INBOUND_OUTCOME_REGISTERED);
  CHECK(stranger->contact().sim_id() == sim);
  CHECK(stranger->contact().phone() == "+436649999999");
  CHECK(pool.Occupancy() == 2);

  const std::string id = activated->contact().id();
  auto stopped = pool.Stop(id);
  CHECK(stopped->state() == v1::CONTACT_STATE_STOPPED);
  CHECK(Suppressed(pool, id) == "true");
  CHECK(pool.Counts() == "0/1/1");
  auto back = pool.Write(4, sim, kPhone);
  CHECK(back->outcome() == v1::INBOUND_OUTCOME_REACTIVATED);
  CHECK(back->contact().state() == v1::CONTACT_STATE_ACTIVE);
  CHECK_FALSE(back->contact().has_stop_time());
  CHECK(Suppressed(pool, id) == "false");
  CHECK(pool.Counts() == "0/2/0");
  CHECK(pool.Register(kPhone)->contact_state() == v1::CONTACT_STATE_ACTIVE);
  // Registered, activated, registered by writing, stopped, reactivated.
  CHECK(pool.Sql("SELECT count(*)::text FROM contacts.outbox") == "5");
}

TEST_CASE("The same message reported again gets the same answer, whatever happened since") {
  Pool pool;
  const std::string sim = pool.AddSim(5);
  pool.SetChannels({"chn_0000000000001"});
  pool.Register(kPhone, NETWORK_WHATSAPP, {"chn_0000000000001"}).IgnoreError();
  auto first = pool.Write(1, sim, kPhone);
  REQUIRE(pool.Stop(first->contact().id()).ok());
  auto again = pool.Write(1, sim, kPhone);
  REQUIRE(again.ok());
  CHECK(again->outcome() == v1::INBOUND_OUTCOME_ACTIVATED);
  CHECK(again->channel_ids(0) == "chn_0000000000001");
  CHECK(again->contact().state() == v1::CONTACT_STATE_STOPPED);
  CHECK(Suppressed(pool, first->contact().id()) == "true");
}

TEST_CASE("The same message reported again after its contact is gone makes a new one") {
  Pool pool;
  const std::string sim = pool.AddSim(5);
  const std::string phone = GENERATE(as<std::string>(), kPhone, "+436649999999");
  auto first = pool.Write(1, sim, phone);
  REQUIRE(first.ok());
  pool.Sql("DELETE FROM contacts.contacts");
  // Of a sender that is known by another message meanwhile, or not at all.
  const bool known = phone == kPhone && pool.Write(2, sim, phone).ok();
  auto again = pool.Write(1, sim, phone);
  REQUIRE(again.ok());
  CHECK(again->outcome() == (known ? v1::INBOUND_OUTCOME_KNOWN : v1::INBOUND_OUTCOME_REGISTERED));
  CHECK(again->contact().id() != first->contact().id());
  CHECK(pool.Write(1, sim, phone)->contact().id() == again->contact().id());
  CHECK(pool.Counts() == "0/1/0");
}

TEST_CASE("First messages at once: one contact, one place, one of them registers") {
  Pool pool;
  const std::string sim = pool.AddSim(1);
  std::map<v1::InboundOutcome, int> outcomes;
  std::mutex mutex;
  auto write = [&](int64_t inbound_id) {
    auto response = pool.Write(inbound_id, sim, kPhone);
    std::lock_guard lock(mutex);
    ++outcomes[response.ok() ? response->outcome() : v1::INBOUND_OUTCOME_UNSPECIFIED];
  };
  SECTION("20 messages") {
    InParallel(20, [&](int i) { write(i + 1); });
    CHECK(outcomes == std::map<v1::InboundOutcome, int>{{v1::INBOUND_OUTCOME_REGISTERED, 1},
                                                        {v1::INBOUND_OUTCOME_KNOWN, 19}});
  }
  SECTION("one message reported 20 times") {
    InParallel(20, [&](int) { write(1); });
    CHECK(outcomes == std::map<v1::InboundOutcome, int>{{v1::INBOUND_OUTCOME_REGISTERED, 20}});
  }
  SECTION("beside a registration by phone") {
    std::atomic<int> registered = 0;
    InParallel(20, [&](int i) {
      if (i % 2 == 0) {
        write(i + 1);
      } else {
        registered += pool.Register(kPhone).ok();
      }
    });
    CHECK(registered == 10);
    CHECK(outcomes[v1::INBOUND_OUTCOME_KNOWN] == 9);
    CHECK(outcomes[v1::INBOUND_OUTCOME_REGISTERED] + outcomes[v1::INBOUND_OUTCOME_ACTIVATED] == 1);
  }
  CHECK(pool.Occupancy() == 1);
  CHECK(pool.Counts() == "0/1/0");
  CHECK(pool.Sql("SELECT count(*)::text FROM contacts.places") == "0");
}

TEST_CASE("A SIM without room keeps the sender as pending, until there is room") {
  Pool pool;
  const std::string sim = pool.AddSim(1);
  REQUIRE(pool.Register("+436640000001").ok());
  auto none = pool.Write(1, sim, kPhone);
  REQUIRE(none.ok());
  CHECK(none->outcome() == v1::INBOUND_OUTCOME_NO_ROOM);
  CHECK(none->contact().state() == v1::CONTACT_STATE_PENDING);
  CHECK(none->contact().sim_id().empty());
  CHECK(pool.Write(1, sim, kPhone)->outcome() == v1::INBOUND_OUTCOME_NO_ROOM);
  CHECK(pool.Write(2, sim, kPhone)->outcome() == v1::INBOUND_OUTCOME_NO_ROOM);
  CHECK(pool.Occupancy() == 1);
  CHECK(ReasonOf(pool.Register(kPhone).status()) == "SIM_POOL_FULL");
  CHECK(pool.Counts() == "2/0/0");
  CHECK(pool.Sql("SELECT count(*)::text FROM contacts.places") == "0");

  sims_v1::UpdateSimRequest update;
  update.mutable_sim()->set_id(sim);
  update.mutable_sim()->set_capacity(2);
  REQUIRE(pool.sims.Call(&sims_v1::SimService::Stub::UpdateSim, pool.env.caller(), update).ok());
  auto registration = pool.Register(kPhone);
  SECTION("a registration gives it a SIM, its next message activates it") {
    REQUIRE(registration.ok());
    CHECK(registration->contact_id() == none->contact().id());
    CHECK(registration->contact_state() == v1::CONTACT_STATE_PENDING);
  }
  auto room = pool.Write(3, sim, kPhone);
  CHECK(room->outcome() == v1::INBOUND_OUTCOME_ACTIVATED);
  CHECK(room->contact().id() == none->contact().id());
  CHECK(room->contact().sim_id() == sim);
  CHECK(pool.Occupancy() == 2);
}

TEST_CASE("A contact stays with its SIM when it writes to another") {
  Pool pool;
  const std::string first = pool.AddSim(5);
  REQUIRE(pool.Write(1, first, kPhone)->outcome() == v1::INBOUND_OUTCOME_REGISTERED);
  const std::string second = pool.AddSim(5);
  auto other = pool.Write(2, second, kPhone);
  CHECK(other->outcome() == v1::INBOUND_OUTCOME_KNOWN);
  CHECK(other->contact().sim_id() == first);
  CHECK(pool.Occupancy() == 1);
}

TEST_CASE("A start payload activates its registration") {
  Pool pool;
  const std::string sim = pool.AddSim(5, NETWORK_TELEGRAM);
  pool.SetChannels({"chn_0000000000001", "chn_0000000000002"});
  auto registration = pool.Register("", NETWORK_TELEGRAM, {"chn_0000000000001"});
  auto started = pool.Write(1, sim, "700", NETWORK_TELEGRAM, registration->id());
  REQUIRE(started.ok());
  CHECK(started->outcome() == v1::INBOUND_OUTCOME_ACTIVATED);
  CHECK(started->contact().id() == registration->contact_id());
  CHECK(started->contact().address() == "700");
  CHECK(started->channel_ids(0) == "chn_0000000000001");

  SECTION("a link that is passed on registers its next user apart") {
    auto other = pool.Write(2, sim, "701", NETWORK_TELEGRAM, registration->id());
    CHECK(other->outcome() == v1::INBOUND_OUTCOME_REGISTERED);
    CHECK(other->contact().id() != registration->contact_id());
    CHECK(other->channel_ids().empty());
  }
  SECTION(
      "a known contact that registers again gets the channels, and the double's place is free") {
    auto second = pool.Register("", NETWORK_TELEGRAM, {"chn_0000000000002"});
    CHECK(pool.Occupancy() == 2);
    auto known = pool.Write(2, sim, "700", NETWORK_TELEGRAM, second->id());
    CHECK(known->outcome() == v1::INBOUND_OUTCOME_KNOWN);
    CHECK(known->contact().id() == registration->contact_id());
    REQUIRE(known->channel_ids_size() == 1);
    CHECK(known->channel_ids(0) == "chn_0000000000002");
    CHECK(pool.Write(3, sim, "700", NETWORK_TELEGRAM, second->id())->channel_ids().empty());
    auto database = pool.OpenDatabase();
    Places places(pool.env.app(), *database);
    REQUIRE(places.Sweep().ok());
    CHECK(pool.Occupancy() == 1);
    CHECK(pool.Counts() == "0/1/0");
  }
  SECTION("payloads that are none, or of another SIM or account, are ignored") {
    const std::string other_sim = pool.AddSim(5, NETWORK_TELEGRAM);
    std::string here;
    for (const char* payload : {"hello", "reg_0000000000001"}) {
      auto response = pool.Write(here.size() + 10, sim, absl::StrCat("80", here.size()),
                                 NETWORK_TELEGRAM, payload);
      CHECK(response->outcome() == v1::INBOUND_OUTCOME_REGISTERED);
      here += "x";
    }
    auto fresh = pool.Register("", NETWORK_TELEGRAM);
    const std::string mine = pool.Get(fresh->contact_id())->sim_id();
    auto stray =
        pool.Write(20, mine == sim ? other_sim : sim, "900", NETWORK_TELEGRAM, fresh->id());
    CHECK(stray->outcome() == v1::INBOUND_OUTCOME_REGISTERED);
    CHECK(pool.Get(fresh->contact_id())->state() == v1::CONTACT_STATE_PENDING);
  }
}

TEST_CASE("A network's own id takes over from the phone number that it vouches for") {
  Pool pool;
  const std::string sim = pool.AddSim(5);
  auto registration = pool.Register(kPhone);
  auto hidden = pool.Write(1, sim, "AT.4711", NETWORK_WHATSAPP, "", kPhone);
  CHECK(hidden->outcome() == v1::INBOUND_OUTCOME_ACTIVATED);
  CHECK(hidden->contact().id() == registration->contact_id());
  CHECK(hidden->contact().address() == "AT.4711");
  CHECK(hidden->contact().phone() == kPhone);
  CHECK(pool.Write(2, sim, "AT.4711")->contact().id() == registration->contact_id());
  auto by_phone = pool.Write(3, sim, kPhone);
  CHECK(by_phone->contact().id() == registration->contact_id());
  CHECK(by_phone->contact().address() == "AT.4711");
  CHECK(pool.Register(kPhone)->contact_id() == registration->contact_id());
  CHECK(pool.Occupancy() == 1);
}

// What a kill -9 between our commit and the call to sims leaves.
TEST_CASE("A stop that sims has not heard of is told by the worker, and by the repeated call") {
  Pool pool;
  const std::string sim = pool.AddSim(5);
  const std::string id = pool.Write(1, sim, kPhone)->contact().id();
  REQUIRE(pool.Stop(id, "k").ok());
  pool.Sql("DELETE FROM sims.suppressions");
  pool.Sql("UPDATE contacts.contacts SET suppress_synced = false");
  SECTION("the worker") {
    auto database = pool.OpenDatabase();
    Suppression suppression(pool.env.app(), *database);
    REQUIRE(suppression.SettleAll().ok());
  }
  SECTION("the same call") { REQUIRE(pool.Stop(id, "k").ok()); }
  SECTION("another stop") { REQUIRE(pool.Stop(id).ok()); }
  CHECK(Suppressed(pool, id) == "true");
  CHECK(pool.Sql("SELECT suppress_synced::text FROM contacts.contacts") == "true");
}

TEST_CASE("A message without its facts is refused, field by field") {
  Pool pool;
  CHECK(FieldProblemsOf(
            pool.contacts.Call(&Stub::RecordInbound, ServiceCaller("inbox", 1), {}).status())
            .size() == 4);
  CHECK(pool.List().contacts().empty());
}

}  // namespace
}  // namespace mo::contacts
