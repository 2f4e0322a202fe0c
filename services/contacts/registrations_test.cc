#include "services/contacts/registrations.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <set>

#include "libs/testing/clock.h"
#include "services/contacts/places.h"
#include "services/contacts/pool_test.h"

namespace mo::contacts {
namespace {

TEST_CASE("A registration gives a SIM, links, a contact card and QR codes") {
  AppOptions options;
  options.public_url = "https://api.example.com";
  Pool pool(options);
  const std::string sim = pool.AddSim(3);
  pool.SetChannels({"chn_0000000000001"});
  auto registration = pool.Register("+436641234567", NETWORK_WHATSAPP, {"chn_0000000000001"});
  REQUIRE(registration.ok());
  CHECK(registration->contact_state() == v1::CONTACT_STATE_PENDING);
  CHECK(registration->sim_display_name() == "Demo");
  CHECK(registration->deep_link() == "https://wa.me/" + registration->sim_address().substr(1));
  const std::string path = "https://api.example.com/v1/registrations/" + registration->id();
  CHECK(registration->vcard_url() == path + "/vcard");
  CHECK(registration->qr_svg_url() == path + "/qr?format=svg");
  CHECK(registration->qr_png_url() == path + "/qr?format=png");
  CHECK(registration->channel_ids(0) == "chn_0000000000001");

  auto contact = pool.Get(registration->contact_id());
  REQUIRE(contact.ok());
  CHECK(contact->sim_id() == sim);
  CHECK(contact->address() == "+436641234567");
  CHECK(contact->state() == v1::CONTACT_STATE_PENDING);

  const Caller caller = pool.env.caller();
  v1::GetRegistrationRequest get;
  get.set_id(registration->id());
  CHECK(pool.contacts.Call(&Stub::GetRegistration, caller, get)->SerializeAsString() ==
        registration->SerializeAsString());
  CHECK(ReasonOf(pool.contacts.Call(&Stub::GetRegistration, pool.env.caller(2), get).status()) ==
        "REGISTRATION_NOT_FOUND");
  v1::GetRegistrationVcardRequest card;
  card.set_id(registration->id());
  auto vcard = pool.contacts.Call(&Stub::GetRegistrationVcard, caller, card);
  REQUIRE(vcard.ok());
  CHECK(vcard->content_type() == "text/vcard; charset=utf-8");
  CHECK(vcard->data().find(registration->sim_address()) != std::string::npos);
  v1::GetRegistrationQrRequest qr;
  qr.set_id(registration->id());
  auto svg = pool.contacts.Call(&Stub::GetRegistrationQr, caller, qr);
  CHECK(svg->content_type() == "image/svg+xml");
  CHECK(svg->data().find("<svg") != std::string::npos);
  qr.set_format("png");
  auto png = pool.contacts.Call(&Stub::GetRegistrationQr, caller, qr);
  CHECK(png->content_type() == "image/png");
  CHECK(png->data().substr(1, 3) == "PNG");
  qr.set_format("gif");
  CHECK(FieldProblemsOf(pool.contacts.Call(&Stub::GetRegistrationQr, caller, qr).status())
            .at(0)
            .field == "format");
  CHECK(pool.Sql("SELECT count(*)::text FROM contacts.outbox") == "1");
}

TEST_CASE("The same phone again gives the same contact and SIM; without a phone each is its own") {
  Pool pool;
  pool.AddSim(5);
  pool.AddSim(5);
  pool.AddSim(5, NETWORK_TELEGRAM);
  auto first = pool.Register("+436641234567");
  auto again = pool.Register("+436641234567");
  REQUIRE(again.ok());
  CHECK(again->contact_id() == first->contact_id());
  CHECK(again->sim_address() == first->sim_address());
  CHECK(again->id() != first->id());
  CHECK(pool.Occupancy() == 1);
  auto bot = pool.Register("", NETWORK_TELEGRAM);
  auto other = pool.Register("", NETWORK_TELEGRAM);
  REQUIRE(other.ok());
  CHECK(bot->contact_id() != other->contact_id());
  CHECK(bot->deep_link() == "https://t.me/" + bot->sim_address() + "?start=" + bot->id());
  CHECK(pool.Get(bot->contact_id())->address().empty());
  CHECK(pool.Occupancy() == 3);
  CHECK(pool.Counts() == "3/0/0");
}

TEST_CASE("200 at once on a pool with room for 100: exactly 100 places, 100 clear errors") {
  Pool pool;
  pool.AddSim(60);
  pool.AddSim(40);
  std::atomic<int> ok = 0, full = 0;
  InParallel(200, [&](int i) {
    auto registration = pool.Register(absl::StrCat("+43664", 1000000 + i));
    if (registration.ok()) ++ok;
    if (ReasonOf(registration.status()) == "SIM_POOL_FULL") ++full;
  });
  CHECK(ok == 100);
  CHECK(full == 100);
  CHECK(pool.Occupancy() == 100);
  CHECK(pool.Counts() == "100/0/0");
  CHECK(pool.Sql("SELECT count(*)::text FROM contacts.contacts") == "100");
  CHECK(pool.Sql("SELECT count(*)::text FROM contacts.places") == "0");
}

TEST_CASE("One phone registered 20 times at once is one contact and needs one place") {
  Pool pool;
  pool.AddSim(1);
  std::set<std::string> contacts;
  std::mutex mutex;
  InParallel(20, [&](int) {
    auto registration = pool.Register("+436641234567");
    std::lock_guard lock(mutex);
    contacts.insert(registration.ok() ? registration->contact_id()
                                      : std::string(registration.status().message()));
  });
  INFO(*contacts.begin() << ", " << *contacts.rbegin());
  CHECK(contacts.size() == 1);
  CHECK(contacts.begin()->substr(0, 4) == "con_");
  CHECK(pool.Occupancy() == 1);
  CHECK(pool.Counts() == "1/0/0");
  CHECK(pool.Sql("SELECT count(*)::text FROM contacts.places") == "0");
  CHECK(pool.Sql("SELECT count(*)::text FROM contacts.outbox") == "1");
}

TEST_CASE("A full pool leaves nothing behind, and registering works when there is room") {
  Pool pool;
  CHECK(ReasonOf(pool.Register("+436641234567").status()) == "SIM_POOL_FULL");
  CHECK(pool.List().contacts().empty());
  CHECK(pool.Counts() == "0/0/0");
  CHECK(pool.Sql("SELECT count(*)::text FROM contacts.places") == "0");
  pool.AddSim(1);
  CHECK(pool.Register("+436641234567").ok());
  CHECK(pool.Register("+436641234568").status().code() == absl::StatusCode::kResourceExhausted);
}

TEST_CASE("One idempotency key is one registration, at once and later, and a refusal is not kept") {
  Pool pool;
  CHECK(ReasonOf(pool.Register("", NETWORK_WHATSAPP, {}, "k").status()) == "SIM_POOL_FULL");
  pool.AddSim(20);
  std::set<std::string> answers;
  std::mutex mutex;
  InParallel(10, [&](int) {
    auto registration = pool.Register("", NETWORK_WHATSAPP, {}, "k");
    std::lock_guard lock(mutex);
    answers.insert(registration.ok() ? registration->SerializeAsString()
                                     : std::string(registration.status().message()));
  });
  CHECK(answers.size() == 1);
  CHECK(pool.Register("", NETWORK_WHATSAPP, {}, "k")->SerializeAsString() == *answers.begin());
  CHECK(pool.Occupancy() == 1);
  CHECK(pool.Counts() == "1/0/0");
  CHECK(ReasonOf(pool.Register("+436641234567", NETWORK_WHATSAPP, {}, "k").status()) ==
        "IDEMPOTENCY_KEY_REUSED");
}

// What a kill -9 between sims' answer and our commit leaves: the intention, and a place at sims.
TEST_CASE("A place that nobody entered is taken by the next call, or given up in time") {
  testing::FakeClock clock;
  AppOptions options;
  options.clock = &clock;
  Pool pool(options);
  pool.AddSim(1);
  auto database = pool.OpenDatabase();
  Places places(pool.env.app(), *database);
  int64_t contact_id = 0;
  REQUIRE(database
              ->As(1,
                   [&](storage::Transaction& tx) {
                     auto intention =
                         places.Intend(tx, std::nullopt, {NETWORK_WHATSAPP, "", "+436641234567"});
                     contact_id = intention->ContactId().value_or(0);
                     return intention.status();
                   })
              .ok());
  const Identity identity{NETWORK_WHATSAPP, "", "+436641234567"};
  REQUIRE(places.Ask(pool.env.caller(), contact_id, identity, "", absl::Now())->found());
  REQUIRE(pool.Occupancy() == 1);

  SECTION("the next registration of the phone enters it") {
    auto registration = pool.Register("+436641234567");
    REQUIRE(registration.ok());
    CHECK(IdOf(registration->contact_id()) == contact_id);
    clock.Advance(Places::kDoubt * 2);
    REQUIRE(places.Sweep().ok());
    CHECK(pool.Occupancy() == 1);
  }
  SECTION("the sweeper gives it up, not before its time") {
    REQUIRE(places.Sweep().ok());
    CHECK(pool.Occupancy() == 1);
    CHECK(ReasonOf(pool.Register("+436641234568").status()) == "SIM_POOL_FULL");
    clock.Advance(Places::kDoubt * 2);
    REQUIRE(places.Sweep().ok());
    CHECK(pool.Occupancy() == 0);
    CHECK(pool.Register("+436641234568").ok());
  }
  SECTION("whoever was asleep for too long asks sims no more") {
    CHECK(places.Ask(pool.env.caller(), contact_id, identity, "", absl::Now() - Places::kDoubt)
              .status()
              .code() == absl::StatusCode::kDeadlineExceeded);
  }
}

TEST_CASE("Bad registrations name their fields and change nothing") {
  Pool pool;
  pool.AddSim(1);
  v1::RegisterRequest request;
  request.set_phone("0664 123");
  request.add_channels("con_0000000000001");
  auto problems =
      FieldProblemsOf(pool.contacts.Call(&Stub::Register, pool.env.caller(), request).status());
  REQUIRE(problems.size() == 3);
  CHECK(problems[0].field == "network");
  CHECK(problems[1].field == "phone");
  CHECK(problems[2].field == "channels[0]");
  CHECK(pool.Occupancy() == 0);
}

TEST_CASE("A registration names channels that the account has, or changes nothing") {
  Pool pool;
  pool.AddSim(3);
  const std::string mine = "chn_0000000000001", foreign = "chn_0000000000002";
  pool.SetChannels({mine, mine});
  pool.SetChannels({foreign}, true, 2);
  const auto refused = [&](const std::vector<std::string>& channels) {
    const absl::Status status =
        pool.Register("+436641234567", NETWORK_WHATSAPP, channels, "k").status();
    std::string text = ReasonOf(status);
    for (const FieldProblem& problem : FieldProblemsOf(status)) {
      absl::StrAppend(&text, " ", problem.field, "=", problem.reason);
    }
    return text;
  };
  CHECK(refused({foreign, mine, "chn_0000000000003", mine}) ==
        "INVALID_REQUEST channels[0]=NOT_FOUND channels[2]=NOT_FOUND");
  CHECK(pool.Occupancy() == 0);
  CHECK(pool.Counts() == "0/0/0");
  for (const char* table : {"places", "registrations", "outbox"}) {
    CHECK(pool.Sql(absl::StrCat("SELECT count(*)::text FROM contacts.", table)) == "0");
  }
  CHECK(refused({mine, mine}) == "");
  // The answer under a key stays, also when the channel is gone; another request is refused.
  pool.SetChannels({mine, mine}, false);
  CHECK(refused({mine, mine}) == "");
  CHECK(ReasonOf(pool.Register("+436641234567", NETWORK_WHATSAPP, {mine}).status()) ==
        "INVALID_REQUEST");
  pool.SetChannels({mine}, true, 2);
  CHECK(ReasonOf(pool.Register("+436641234567", NETWORK_WHATSAPP, {mine}).status()) ==
        "INVALID_REQUEST");
}

}  // namespace
}  // namespace mo::contacts
