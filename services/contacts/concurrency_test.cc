#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <mutex>
#include <random>

#include "absl/strings/match.h"
#include "libs/testing/clock.h"
#include "services/contacts/places.h"
#include "services/contacts/pool_test.h"
#include "services/contacts/suppression.h"

namespace mo::contacts {
namespace {

// Everything at once on a pool that is too small: whatever the order, the books agree afterwards.
TEST_CASE("Places, contacts and counts agree after any mix of calls") {
  testing::FakeClock clock;
  AppOptions options;
  options.clock = &clock;
  Pool pool(options);
  const std::string first = pool.AddSim(2), second = pool.AddSim(3);
  const std::string bot = pool.AddSim(4, NETWORK_TELEGRAM);
  std::mutex mutex;
  std::map<int64_t, v1::InboundOutcome> outcomes;
  std::vector<std::string> links, surprises;
  auto note = [&](const absl::Status& status) {
    const std::string reason = ReasonOf(status);
    if (status.ok() || reason == "SIM_POOL_FULL" || reason == "CONTACT_BUSY") return;
    std::lock_guard lock(mutex);
    surprises.push_back(absl::StrCat(reason, " ", std::string(status.message())));
  };
  auto write = [&](int64_t inbound_id, const std::string& sim, const std::string& from,
                   Network network, const std::string& payload) {
    auto response = pool.Write(inbound_id, sim, from, network, payload);
    note(response.status());
    if (!response.ok()) return;
    std::lock_guard lock(mutex);
    const auto known = outcomes.emplace(inbound_id, response->outcome());
    if (known.first->second != response->outcome()) surprises.push_back("another outcome");
  };
  InParallel(12, [&](int thread) {
    std::mt19937 random(static_cast<unsigned>(thread));
    for (int64_t i = 0; i < 30; ++i) {
      const int64_t who = random() % 8;
      const std::string phone = absl::StrCat("+43664123456", who);
      // Half of the messages are reported by two threads.
      const int64_t inbound_id = 1 + (random() % 2 == 0 ? thread / 2 : thread + 100) * 100 + i;
      const std::string sim = inbound_id % 2 == 0 ? first : second;
      switch (random() % 5) {
        case 0:
          note(pool.Register(phone).status());
          break;
        case 1: {
          auto registration = pool.Register("", NETWORK_TELEGRAM);
          note(registration.status());
          std::lock_guard lock(mutex);
          if (registration.ok()) links.push_back(registration->id());
          break;
        }
        case 2: {
          std::string link;
          {
            std::lock_guard lock(mutex);
            if (!links.empty()) link = links[random() % links.size()];
          }
          write(1000000 + thread * 100 + i, bot, absl::StrCat("70", who), NETWORK_TELEGRAM, link);
          break;
        }
        case 3: {
          v1::ListContactsResponse contacts = pool.List();
          if (contacts.contacts().empty()) break;
          note(pool.Stop(contacts.contacts(who % contacts.contacts_size()).id()).status());
          break;
        }
        default:
          write(inbound_id, sim, absl::StrCat("+43664123456", inbound_id % 8), NETWORK_WHATSAPP,
                "");
      }
    }
  });
  INFO((surprises.empty() ? "" : surprises.front()));
  // A contact that goes while it is being stopped is none.
  surprises.erase(
      std::remove_if(surprises.begin(), surprises.end(),
                     [](const std::string& s) { return absl::StartsWith(s, "CONTACT_NOT_FOUND"); }),
      surprises.end());
  CHECK(surprises.empty());

  clock.Advance(Places::kDoubt * 2);
  auto database = pool.OpenDatabase();
  Places places(pool.env.app(), *database);
  Suppression suppression(pool.env.app(), *database);
  REQUIRE(places.Sweep().ok());
  REQUIRE(suppression.SettleAll().ok());
  CHECK(pool.Sql("SELECT count(*)::text FROM contacts.places") == "0");
  CHECK(
      pool.Sql("SELECT count(*)::text FROM sims.allocations a FULL JOIN (SELECT account_id, id AS "
               "contact_id, sim_id FROM contacts.contacts WHERE sim_id IS NOT NULL) c "
               "USING (account_id, contact_id) WHERE a.sim_id IS DISTINCT FROM c.sim_id") == "0");
  CHECK(
      pool.Sql("SELECT count(*)::text FROM sims.sims s WHERE occupancy > capacity OR occupancy <> "
               "(SELECT count(*) FROM sims.allocations a WHERE a.sim_id = s.id)") == "0");
  CHECK(pool.Counts() ==
        pool.Sql("SELECT count(*) FILTER (WHERE state = 1) || '/' || count(*) FILTER (WHERE state "
                 "= 2) || '/' || count(*) FILTER (WHERE state = 3) FROM contacts.contacts"));
  CHECK(pool.Sql("SELECT count(*)::text FROM contacts.contacts c LEFT JOIN sims.suppressions s ON "
                 "s.contact_id = c.id WHERE coalesce(s.suppressed, false) <> (c.state = 3)") ==
        "0");
  // The last entry of each contact's consent is what it is now.
  CHECK(
      pool.Sql("SELECT count(*)::text FROM contacts.contacts c JOIN LATERAL (SELECT kind FROM "
               "contacts.consent n WHERE n.contact_id = c.id ORDER BY seq DESC LIMIT 1) n ON true "
               "WHERE (n.kind = 1) <> (c.state = 2)") == "0");
}

}  // namespace
}  // namespace mo::contacts
