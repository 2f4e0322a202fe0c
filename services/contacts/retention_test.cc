#include "services/contacts/retention.h"

#include <catch2/catch.hpp>

#include "libs/testing/clock.h"
#include "messageorganizer/accounts/v1/accounts.grpc.pb.h"
#include "services/accounts/install.h"
#include "services/contacts/places.h"
#include "services/contacts/pool_test.h"

namespace mo::contacts {
namespace {

// S9: pending and stopped contacts go after the time that their account has set, each switchable.
TEST_CASE("Pending and stopped contacts are deleted after their account's time, places included") {
  namespace accounts_v1 = messageorganizer::accounts::v1;
  testing::FakeClock clock;
  AppOptions options;
  options.clock = &clock;
  Pool pool(options, {accounts::Install, sims::Install, Install});
  Client<accounts_v1::AccountService> accounts(pool.env.app());
  Caller creator;
  creator.actor = "key:operator";
  creator.scopes = {"operator"};
  accounts_v1::CreateAccountRequest create;
  create.set_display_name("Bakery");
  auto account = accounts.Call(&accounts_v1::AccountService::Stub::CreateAccount, creator, create);
  REQUIRE(account.ok());
  pool.account = IdOf(account->account().id());
  const std::string sim = pool.AddSim(10);
  const std::string active = pool.Write(1, sim, "+436640000001")->contact().id();
  const std::string stopped = pool.Write(2, sim, "+436640000002")->contact().id();
  REQUIRE(pool.Stop(stopped).ok());
  const std::string pending = pool.Register("+436640000003")->contact_id();
  REQUIRE(pool.Occupancy() == 3);

  auto database = pool.OpenDatabase();
  Retention retention(pool.env.app(), *database);
  Places places(pool.env.app(), *database);
  auto after_days = [&](int days, int pending_days, int stopped_days) {
    accounts_v1::UpdateSettingsRequest update;
    update.mutable_settings()->set_delete_pending_after_days(pending_days);
    update.mutable_settings()->set_delete_stopped_after_days(stopped_days);
    update.mutable_update_mask()->add_paths("delete_pending_after_days");
    update.mutable_update_mask()->add_paths("delete_stopped_after_days");
    REQUIRE(accounts.Call(&accounts_v1::AccountService::Stub::UpdateSettings, pool.caller(), update)
                .ok());
    clock.Advance(days * absl::Hours(24) + absl::Minutes(1));
    REQUIRE(retention.RunOnce().ok());
    REQUIRE(places.Sweep().ok());
    return pool.Counts();
  };
  CHECK(after_days(10, 0, 0) == "1/1/1");
  CHECK(after_days(0, 11, 11) == "1/1/1");
  CHECK(after_days(1, 11, 0) == "0/1/1");
  CHECK(pool.Occupancy() == 2);
  CHECK(ReasonOf(pool.Get(pending).status()) == "CONTACT_NOT_FOUND");
  CHECK(after_days(0, 0, 11) == "0/1/0");
  CHECK(pool.Occupancy() == 1);
  CHECK(pool.Get(active).ok());
  CHECK(pool.Sql("SELECT count(*)::text FROM contacts.registrations") == "0");
  CHECK(pool.Sql("SELECT count(*)::text FROM contacts.consent") == "3");
  // Writes again: a new contact.
  auto back = pool.Write(9, sim, "+436640000002");
  CHECK(back->outcome() == v1::INBOUND_OUTCOME_REGISTERED);
  CHECK(back->contact().id() != stopped);
}

}  // namespace
}  // namespace mo::contacts
