// Credentials are shown to the provider before they are kept.
#include "services/sims/credential_probe.h"

#include <atomic>
#include <catch2/catch.hpp>

#include "absl/flags/declare.h"
#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "absl/strings/match.h"
#include "libs/http/server.h"
#include "services/sims/test_pool.h"

ABSL_DECLARE_FLAG(std::vector<std::string>, trusted_provider_hosts);

namespace mo::sims {
namespace {

using ProbeStub = v1::SimService::Stub;

// A provider that answers every GET alike, and knows the tokens that it has seen.
struct ProbedPool : TestPool {
  ProbedPool() {
    absl::SetFlag(&FLAGS_trusted_provider_hosts, {"127.0.0.1"});
    REQUIRE(server.Start().ok());
  }
  v1::CreateSimRequest WhatsApp(const std::string& token) {
    v1::CreateSimRequest request;
    request.mutable_sim()->set_network(common::NETWORK_WHATSAPP);
    request.mutable_sim()->set_address("+4366400001");
    request.mutable_sim()->set_capacity(10);
    auto* cloud = request.mutable_sim()->mutable_driver()->mutable_whatsapp_cloud();
    cloud->set_base_url(absl::StrCat("http://127.0.0.1:", server.port()));
    cloud->set_phone_number_id("1065");
    cloud->set_access_token(token);
    cloud->set_app_secret("s");
    cloud->set_verify_token("v");
    return request;
  }
  absl::StatusOr<v1::Sim> Create(const std::string& token, const std::string& key = "") {
    return sims.Call(&ProbeStub::CreateSim, caller.WithKey(key), WhatsApp(token));
  }
  absl::Status SetToken(const v1::Sim& sim, const std::string& token) {
    v1::UpdateSimRequest request;
    *request.mutable_sim() = WhatsApp(token).sim();
    request.mutable_sim()->set_id(sim.id());
    request.mutable_update_mask()->add_paths("driver.whatsapp_cloud.access_token");
    return sims.Call(&ProbeStub::UpdateSim, caller, request).status();
  }
  int64_t Sims() { return Count("SELECT count(*) FROM sims.sims"); }

  const absl::FlagSaver flags;
  std::atomic<int> status = 200;
  std::atomic<int> code = 0;
  std::atomic<int> asked = 0;
  http::Server server{
      {}, [this](http::Request request, http::Responder responder) {
        // A session reads the catalogue of templates too.
        if (request.query != "fields=verified_name") return responder.Send({503, {}, ""});
        ++asked;
        responder.Send(
            {status.load(), {}, absl::StrCat(R"({"error":{"code":)", code.load(), "}}")});
      }};
};

std::string FieldAndReason(const absl::Status& status) {
  const auto problems = FieldProblemsOf(status);
  return problems.size() == 1 ? problems[0].field + " " + problems[0].reason : "none";
}

TEST_CASE("What the provider refuses is not saved", "[probe]") {
  ProbedPool pool;
  pool.status = 401;
  pool.code = 190;
  auto refused = pool.Create("expired").status();
  CHECK(refused.code() == absl::StatusCode::kInvalidArgument);
  CHECK(FieldAndReason(refused) == "sim.driver.whatsapp_cloud.access_token REFUSED_BY_PROVIDER");
  CHECK_FALSE(absl::StrContains(refused.ToString(), "expired"));
  // It knows the token, but no such number.
  pool.status = 400;
  pool.code = 100;
  CHECK(FieldAndReason(pool.Create("good").status()) ==
        "sim.driver.whatsapp_cloud.phone_number_id REFUSED_BY_PROVIDER");
  CHECK(pool.Sims() == 0);

  pool.status = 200;
  const auto sim = pool.Create("good");
  REQUIRE(sim.ok());
  pool.status = 401;
  pool.code = 190;
  const auto before = pool.Count("SELECT version FROM sims.sims");
  CHECK(FieldAndReason(pool.SetToken(*sim, "bad")) ==
        "sim.driver.whatsapp_cloud.access_token REFUSED_BY_PROVIDER");
  CHECK(pool.Count("SELECT version FROM sims.sims") == before);
  v1::GetSimRequest get;
  get.set_id(sim->id());
  CHECK(pool.sims.Call(&ProbeStub::GetSim, pool.caller, get)
            ->driver()
            .secret_fingerprints()
            .at("access_token") == sim->driver().secret_fingerprints().at("access_token"));
}

TEST_CASE("A provider that is down or busy is in nobody's way", "[probe]") {
  ProbedPool pool;
  for (const auto& [status, code] :
       {std::pair(503, 2), std::pair(429, 4), std::pair(500, 131000)}) {
    pool.status = status;
    pool.code = code;
    CAPTURE(status);
    const auto sim = pool.Create("token");
    REQUIRE(sim.ok());
    CHECK(pool.SetToken(*sim, "other").ok());
    pool.Execute("DELETE FROM sims.sims");
  }
  pool.server.Stop(absl::Seconds(1));
  CHECK(pool.Create("token").ok());
}

TEST_CASE("The provider is asked about what changes, once", "[probe]") {
  ProbedPool pool;
  const auto sim = pool.Create("good", "once");
  REQUIRE(sim.ok());
  CHECK(pool.asked == 1);
  // What was answered stands, whatever has become of the token.
  pool.status = 401;
  pool.code = 190;
  const auto again = pool.Create("good", "once");
  REQUIRE(again.ok());
  CHECK(again->id() == sim->id());
  // Written back as it was read.
  v1::UpdateSimRequest same;
  *same.mutable_sim() = *sim;
  same.mutable_sim()->clear_etag();
  same.mutable_sim()->set_display_name("Renamed");
  same.mutable_update_mask()->add_paths("driver");
  same.mutable_update_mask()->add_paths("display_name");
  REQUIRE(pool.sims.Call(&ProbeStub::UpdateSim, pool.caller, same).ok());
  CHECK(pool.asked == 1);
}

}  // namespace
}  // namespace mo::sims
