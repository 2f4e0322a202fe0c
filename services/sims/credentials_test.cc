// SIMs with providers' credentials: what is taken, kept, shown and never shown.
#include "services/sims/credentials.h"

#include <catch2/catch.hpp>

#include "absl/flags/declare.h"
#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "libs/runtime/errors.h"
#include "libs/testing/wait.h"
#include "services/sims/driver_settings.h"
#include "services/sims/test_pool.h"

ABSL_DECLARE_FLAG(std::vector<std::string>, trusted_provider_hosts);

namespace mo::sims {
namespace {

using SimStub = v1::SimService::Stub;

constexpr char kToken[] = "EAAG-token-that-nobody-may-see";
constexpr char kAppSecret[] = "app-secret-that-nobody-may-see";

v1::CreateSimRequest WhatsApp(const std::string& address) {
  v1::CreateSimRequest request;
  request.mutable_sim()->set_network(common::NETWORK_WHATSAPP);
  request.mutable_sim()->set_address(address);
  request.mutable_sim()->set_capacity(10);
  auto* cloud = request.mutable_sim()->mutable_driver()->mutable_whatsapp_cloud();
  cloud->set_phone_number_id("106540352242922");
  cloud->set_business_account_id("102290129340398");
  cloud->set_access_token(kToken);
  cloud->set_app_secret(kAppSecret);
  cloud->set_verify_token("verify-me");
  return request;
}

absl::StatusOr<v1::Sim> Create(TestPool& pool, const v1::CreateSimRequest& request) {
  return pool.sims.Call(&SimStub::CreateSim, pool.caller, request);
}

absl::StatusOr<v1::Sim> Update(TestPool& pool, const v1::Sim& sim,
                               const std::vector<std::string>& paths) {
  v1::UpdateSimRequest request;
  *request.mutable_sim() = sim;
  for (const std::string& path : paths) request.mutable_update_mask()->add_paths(path);
  return pool.sims.Call(&SimStub::UpdateSim, pool.caller, request);
}

v1::Sim Get(TestPool& pool, const std::string& id) {
  v1::GetSimRequest request;
  request.set_id(id);
  auto sim = pool.sims.Call(&SimStub::GetSim, pool.caller, request);
  REQUIRE(sim.ok());
  return *sim;
}

// What the drivers get of a SIM; another process with these keys.
std::vector<OpenedDriver> Opened(TestPool& pool, const std::string& id,
                                 const std::string& keys = "") {
  AppOptions options = pool.env.app().options();
  if (!keys.empty()) options.secret_keys = keys;
  App app(std::move(options));
  storage::Database database({pool.env.postgres().url(), "postgres", "", "sims", 2}, app.metrics());
  Credentials credentials(app, database);
  REQUIRE(credentials.status().ok());
  auto opened = database.AsSystem(
      [&](storage::Transaction& tx) { return credentials.FindSim(tx, IdOf(id)); });
  REQUIRE(opened.ok());
  return *std::move(opened);
}

std::string Key(const std::string& id, char fill) {
  return absl::StrCat(id, ":", absl::Base64Escape(std::string(32, fill)), "\n");
}

TEST_CASE("Credentials are taken, reach the driver, and are shown by nothing", "[credentials]") {
  TestPool pool;
  const auto created = Create(pool, WhatsApp("+4366400001"));
  REQUIRE(created.ok());
  v1::ListSimsResponse list =
      *pool.sims.Call(&SimStub::ListSims, pool.caller, v1::ListSimsRequest());
  v1::PauseSimRequest pause;
  pause.set_id(created->id());
  const auto paused = pool.sims.Call(&SimStub::PauseSim, pool.caller, pause);
  for (const v1::Sim& sim : {*created, Get(pool, created->id()), list.sims(0), *paused}) {
    const v1::WhatsAppCloudSettings& cloud = sim.driver().whatsapp_cloud();
    CHECK(cloud.phone_number_id() == "106540352242922");
    CHECK(cloud.access_token().empty());
    CHECK(cloud.app_secret().empty());
    CHECK(cloud.verify_token().empty());
    CHECK(sim.driver().secret_fingerprints().size() == 3);
    CHECK(sim.driver().secret_fingerprints().at("access_token").size() == 16);
    CHECK(absl::EndsWith(sim.driver().callback_url(), "/callbacks/whatsapp_cloud/" + sim.id()));
  }
  const std::vector<OpenedDriver> opened = Opened(pool, created->id());
  REQUIRE(opened.size() == 1);
  CHECK(opened[0].account_id == 1);
  const DriverSettings settings = ToSettings(opened[0].driver, opened[0].address);
  CHECK(settings.driver == "whatsapp_cloud");
  CHECK(settings.address == "+4366400001");
  CHECK(settings.sender_id == "106540352242922");
  CHECK(settings.business_id == "102290129340398");
  CHECK(settings.access_token == kToken);
  CHECK(settings.app_secret == kAppSecret);
  CHECK(settings.verify_token == "verify-me");
  // Nowhere in the database: neither in the tables, nor in kept answers or events.
  for (const char* table : {"drivers", "sims", "idempotency_keys", "outbox"}) {
    for (const std::string secret : {kToken, kAppSecret, "verify-me"}) {
      CAPTURE(table, secret);
      CHECK(pool.Count(absl::StrCat("SELECT count(*) FROM sims.", table, " t WHERE t::text LIKE '%",
                                    secret, "%' OR t::text LIKE '%", absl::BytesToHexString(secret),
                                    "%'")) == 0);
    }
  }
}

TEST_CASE("A repeated request is known by its key; one with another credential is another one",
          "[credentials]") {
  TestPool pool;
  const Caller once = pool.caller.WithKey("create-1");
  v1::CreateSimRequest request = WhatsApp("+4366400001");
  const auto first = pool.sims.Call(&SimStub::CreateSim, once, request);
  REQUIRE(first.ok());
  CHECK(pool.sims.Call(&SimStub::CreateSim, once, request)->id() == first->id());
  request.mutable_sim()->mutable_driver()->mutable_whatsapp_cloud()->set_access_token("other");
  CHECK(ReasonOf(pool.sims.Call(&SimStub::CreateSim, once, request).status()) ==
        "IDEMPOTENCY_KEY_REUSED");
}

TEST_CASE("An update keeps what it does not name", "[credentials]") {
  TestPool pool;
  const auto created = Create(pool, WhatsApp("+4366400001"));
  REQUIRE(created.ok());
  const auto cloud = [&] { return Opened(pool, created->id())[0].driver.whatsapp_cloud(); };

  // What was read is written back: the credentials stay.
  REQUIRE(Update(pool, *created, {"driver"}).ok());
  CHECK(cloud().access_token() == kToken);
  CHECK(cloud().phone_number_id() == "106540352242922");

  v1::Sim change;
  change.set_id(created->id());
  change.mutable_driver()->mutable_whatsapp_cloud()->set_access_token("newer");
  const auto changed = Update(pool, change, {"driver.whatsapp_cloud.access_token"});
  REQUIRE(changed.ok());
  CHECK(cloud().access_token() == "newer");
  CHECK(cloud().app_secret() == kAppSecret);
  const auto& before = created->driver().secret_fingerprints();
  const auto& after = changed->driver().secret_fingerprints();
  CHECK(before.at("access_token") != after.at("access_token"));
  CHECK(before.at("app_secret") == after.at("app_secret"));

  // Without a mask only what is set counts.
  change.mutable_driver()->mutable_whatsapp_cloud()->set_access_token("newest");
  REQUIRE(Update(pool, change, {}).ok());
  CHECK(cloud().access_token() == "newest");
  CHECK(cloud().phone_number_id() == "106540352242922");

  // Named and empty: removed, which this driver does not bear.
  change.mutable_driver()->mutable_whatsapp_cloud()->clear_access_token();
  const auto problems =
      FieldProblemsOf(Update(pool, change, {"driver.whatsapp_cloud.access_token"}).status());
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].field == "sim.driver.whatsapp_cloud.access_token");
  CHECK(problems[0].reason == "REQUIRED");
  CHECK(cloud().access_token() == "newest");
  CHECK(FieldProblemsOf(Update(pool, change, {"driver.whatsapp_cloud.nope"}).status())[0].reason ==
        "UNKNOWN_FIELD");

  // Without settings it is a device agent's SIM again.
  change.clear_driver();
  REQUIRE(Update(pool, change, {"driver"}).ok());
  CHECK_FALSE(Get(pool, created->id()).has_driver());
  CHECK(Opened(pool, created->id()).empty());
}

TEST_CASE("Drivers are checked when they are saved", "[credentials]") {
  TestPool pool;
  struct Case {
    std::function<void(v1::Sim&)> change;
    const char* field;
    const char* reason;
  };
  const auto cloud = [](v1::Sim& sim) { return sim.mutable_driver()->mutable_whatsapp_cloud(); };
  const std::string path = "sim.driver.whatsapp_cloud.base_url";
  const Case cases[] = {
      {[&](v1::Sim& sim) { cloud(sim)->clear_app_secret(); },
       "sim.driver.whatsapp_cloud.app_secret", "REQUIRED"},
      {[&](v1::Sim& sim) { cloud(sim)->set_phone_number_id("12a"); },
       "sim.driver.whatsapp_cloud.phone_number_id", "BAD_FORMAT"},
      {[&](v1::Sim& sim) { cloud(sim)->set_access_token(std::string(1001, 'x')); },
       "sim.driver.whatsapp_cloud.access_token", "TOO_LONG"},
      {[&](v1::Sim& sim) {
         sim.mutable_driver()->mutable_telegram()->set_bot_token("1:" + std::string(35, 'a'));
         sim.mutable_driver()->mutable_telegram()->set_polling(true);
       },
       "sim.driver.telegram", "OTHER_NETWORK"},
      {[&](v1::Sim& sim) { cloud(sim)->set_base_url("https://127.0.0.1"); }, path.c_str(),
       "URL_NOT_ALLOWED"},
      {[&](v1::Sim& sim) { cloud(sim)->set_base_url("https://localhost"); }, path.c_str(),
       "URL_NOT_ALLOWED"},
      {[&](v1::Sim& sim) { cloud(sim)->set_base_url("https://[::1]"); }, path.c_str(),
       "URL_NOT_ALLOWED"},
      {[&](v1::Sim& sim) { cloud(sim)->set_base_url("https://169.254.169.254/latest"); },
       path.c_str(), "URL_NOT_ALLOWED"},
      {[&](v1::Sim& sim) { cloud(sim)->set_base_url("https://2130706433"); }, path.c_str(),
       "URL_NOT_ALLOWED"},
      {[&](v1::Sim& sim) { cloud(sim)->set_base_url("http://graph.example.com"); }, path.c_str(),
       "URL_NOT_ALLOWED"},
      {[&](v1::Sim& sim) { cloud(sim)->set_base_url("https://graph.example.com:22"); },
       path.c_str(), "URL_NOT_ALLOWED"},
      {[&](v1::Sim& sim) { cloud(sim)->set_base_url("https://graph.example.com/?x=1"); },
       path.c_str(), "URL_NOT_ALLOWED"},
  };
  for (const Case& c : cases) {
    v1::CreateSimRequest request = WhatsApp("+4366400001");
    c.change(*request.mutable_sim());
    const absl::Status status = Create(pool, request).status();
    CAPTURE(c.field, status.message());
    const auto problems = FieldProblemsOf(status);
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].field == c.field);
    CHECK(problems[0].reason == c.reason);
  }
  v1::CreateSimRequest good = WhatsApp("+4366400001");
  cloud(*good.mutable_sim())->set_base_url("https://graph.example.com:8443/api");
  CHECK(Create(pool, good).ok());
}

TEST_CASE("Providers in our own network must be trusted by the operator", "[credentials]") {
  const absl::FlagSaver flags;
  absl::SetFlag(&FLAGS_trusted_provider_hosts, {"127.0.0.1", "kannel.lan"});
  TestPool pool;
  const char* const allowed[] = {"http://127.0.0.1:4711", "http://kannel.lan:13013"};
  for (int i = 0; i < 2; ++i) {
    v1::CreateSimRequest request = WhatsApp(absl::StrCat("+436640000", i));
    request.mutable_sim()->mutable_driver()->mutable_whatsapp_cloud()->set_base_url(allowed[i]);
    CHECK(Create(pool, request).ok());
  }
  v1::CreateSimRequest other = WhatsApp("+4366400009");
  other.mutable_sim()->mutable_driver()->mutable_whatsapp_cloud()->set_base_url(
      "http://127.0.0.2:4711");
  CHECK_FALSE(Create(pool, other).ok());
}

TEST_CASE("Another row's sealed credentials, and changed ones, are not opened", "[credentials]") {
  TestPool pool;
  const auto first = Create(pool, WhatsApp("+4366400001"));
  const auto second = Create(pool, WhatsApp("+4366400002"));
  REQUIRE(second.ok());
  pool.Execute(
      absl::StrCat("UPDATE sims.drivers SET sealed = (SELECT sealed FROM sims.drivers "
                   "WHERE sim_id = ",
                   IdOf(first->id()), ") WHERE sim_id = ", IdOf(second->id())));
  CHECK(Opened(pool, first->id()).size() == 1);
  CHECK(Opened(pool, second->id()).empty());
  pool.Execute(
      "UPDATE sims.drivers SET sealed = set_byte(sealed, length(sealed) - 1, "
      "get_byte(sealed, length(sealed) - 1) # 1)");
  CHECK(Opened(pool, first->id()).empty());
}

TEST_CASE("Rotation: a worker seals anew, then the old key may go", "[credentials]") {
  AppOptions options;
  options.secret_keys = Key("old", 'A');
  TestPool pool(options);
  const auto created = Create(pool, WhatsApp("+4366400001"));
  REQUIRE(created.ok());
  const std::string with_both = Key("new", 'B') + Key("old", 'A');
  CHECK(Opened(pool, created->id(), with_both).size() == 1);
  CHECK(Opened(pool, created->id(), Key("new", 'B')).empty());
  {
    AppOptions both = pool.env.app().options();
    both.secret_keys = with_both;
    App app(std::move(both));
    storage::Database database({pool.env.postgres().url(), "postgres", "", "sims", 2},
                               app.metrics());
    Credentials credentials(app, database);
    auto more = credentials.Reseal();
    REQUIRE(more.ok());
    CHECK_FALSE(*more);
  }
  const auto opened = Opened(pool, created->id(), Key("new", 'B'));
  REQUIRE(opened.size() == 1);
  CHECK(opened[0].driver.whatsapp_cloud().access_token() == kToken);
  // It shows the same fingerprints as before: no credential has changed.
  CHECK(Get(pool, created->id()).driver().secret_fingerprints().at("access_token") ==
        created->driver().secret_fingerprints().at("access_token"));
}

TEST_CASE("A SIM's credentials go with it", "[credentials]") {
  TestPool pool;
  const auto created = Create(pool, WhatsApp("+4366400001"));
  REQUIRE(created.ok());
  v1::DeleteSimRequest request;
  request.set_id(created->id());
  REQUIRE(pool.sims.Call(&SimStub::DeleteSim, pool.caller, request).ok());
  CHECK(pool.Count("SELECT count(*) FROM sims.drivers") == 0);
}

}  // namespace
}  // namespace mo::sims
