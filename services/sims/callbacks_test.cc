// Callbacks as edge hands them on: which are taken, which are not, and what the provider reads.
#include "services/sims/callbacks.h"

#include <openssl/hmac.h>

#include <catch2/catch.hpp>

#include "absl/flags/declare.h"
#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "absl/strings/escaping.h"
#include "libs/runtime/errors.h"
#include "messageorganizer/sims/v1/callbacks.grpc.pb.h"
#include "services/sims/test_pool.h"

ABSL_DECLARE_FLAG(std::vector<std::string>, trusted_provider_hosts);
ABSL_DECLARE_FLAG(int64_t, sims_callback_bytes);

namespace mo::sims {
namespace {

constexpr char kMessage[] =
    R"({"object":"whatsapp_business_account","entry":[{"id":"77","changes":[{"field":"messages","value":{)"
    R"("metadata":{"phone_number_id":"1065"},"messages":[{"from":"436641","id":"wamid.1",)"
    R"("timestamp":"1700000000","type":"text","text":{"body":"Hallo"}}]}}]}]})";

std::string Signed(absl::string_view secret, absl::string_view body) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(body.data()), body.size(), digest, &size);
  return absl::StrCat("sha256=",
                      absl::BytesToHexString({reinterpret_cast<const char*>(digest), size}));
}

// A SIM whose provider calls back.
struct CallbackPool : TestPool {
  CallbackPool() {
    absl::SetFlag(&FLAGS_trusted_provider_hosts, {"127.0.0.1"});
    v1::CreateSimRequest request;
    request.mutable_sim()->set_network(common::NETWORK_WHATSAPP);
    request.mutable_sim()->set_address("+4366400001");
    request.mutable_sim()->set_capacity(1000);
    auto* cloud = request.mutable_sim()->mutable_driver()->mutable_whatsapp_cloud();
    cloud->set_base_url("http://127.0.0.1:9");  // nobody
    cloud->set_phone_number_id("1065");
    cloud->set_access_token("T1");
    cloud->set_app_secret("secret");
    cloud->set_verify_token("verify");
    auto created = sims.Call(&v1::SimService::Stub::CreateSim, caller, request);
    REQUIRE(created.ok());
    sim = created->id();
  }
  absl::StatusOr<v1::TakeCallbackResponse> Take(const std::string& body,
                                                const std::string& signature,
                                                const std::string& to = "") {
    v1::TakeCallbackRequest request;
    request.set_driver("whatsapp_cloud");
    request.set_sim_id(to.empty() ? sim : to);
    request.set_method(body.empty() ? "GET" : "POST");
    if (body.empty()) request.set_query(signature);
    auto* header = request.add_headers();
    header->set_name("X-Hub-Signature-256");
    header->set_value(signature);
    request.set_body(body);
    return callbacks.Call(&v1::ProviderCallbackService::Stub::TakeCallback,
                          ServiceCaller("edge", 0, ""), request);
  }
  int64_t Inbound() { return Count("SELECT count(*) FROM sims.inbound"); }

  absl::FlagSaver flags;
  Client<v1::ProviderCallbackService> callbacks{env.app()};
  std::string sim;
};

TEST_CASE("A signed callback is durable when it is answered, and once", "[callbacks]") {
  CallbackPool pool;
  for (int i = 0; i < 2; ++i) {
    const auto taken = pool.Take(kMessage, Signed("secret", kMessage));
    REQUIRE(taken.ok());
    CHECK(taken->status() == 200);
    CHECK(pool.Inbound() == 1);
  }
}

TEST_CASE("What is not the provider's word changes nothing", "[callbacks]") {
  CallbackPool pool;
  CHECK(pool.Take(kMessage, Signed("other", kMessage))->status() == 403);
  CHECK(pool.Take(kMessage, "")->status() == 403);
  // The bytes count, not their meaning.
  CHECK(pool.Take(std::string(kMessage) + " ", Signed("secret", kMessage))->status() == 403);
  // For a SIM that is gone the provider is not to go on for days.
  CHECK(pool.Take(kMessage, Signed("secret", kMessage), FormatId("sim", 1))->status() == 200);
  CHECK(pool.Take("no JSON", Signed("secret", "no JSON"))->status() == 200);
  CHECK(pool.Inbound() == 0);
}

TEST_CASE("The provider's question is answered who knows the word", "[callbacks]") {
  CallbackPool pool;
  const auto right = pool.Take("", "hub.mode=subscribe&hub.verify_token=verify&hub.challenge=4711");
  CHECK(right->status() == 200);
  CHECK(right->body() == "4711");
  CHECK(pool.Take("", "hub.mode=subscribe&hub.verify_token=wrong&hub.challenge=4711")->status() ==
        403);
}

TEST_CASE("More than may wait is refused, so that the provider brings it again", "[callbacks]") {
  absl::FlagSaver flags;
  absl::SetFlag(&FLAGS_sims_callback_bytes, 100);
  CallbackPool pool;
  CHECK(ReasonOf(pool.Take(kMessage, Signed("secret", kMessage)).status()) == "OVERLOADED");
  CHECK(pool.Inbound() == 0);
}

}  // namespace
}  // namespace mo::sims
