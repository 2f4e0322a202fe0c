// Providers' callbacks through a real edge and a real sims, with a real PostgreSQL.
#include "services/edge/callbacks.h"

#include <openssl/hmac.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "libs/http/client.h"
#include "libs/runtime/ids.h"
#include "libs/testing/environment.h"
#include "services/accounts/install.h"
#include "services/edge/edge.h"
#include "services/edge/install.h"
#include "services/sims/install.h"

namespace mo::edge {
namespace {

using Json = nlohmann::json;

Edge* installed = nullptr;
void InstallHere(App& app) { installed = &InstallEdge(app); }

std::string Signature(const std::string& secret, const std::string& body) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(body.data()), body.size(), digest, &size);
  return absl::StrCat(
      "sha256=", absl::BytesToHexString(absl::string_view(reinterpret_cast<char*>(digest), size)));
}

// An account with SIMs of the WhatsApp Cloud API.
struct Provider {
  explicit Provider(std::vector<void (*)(App&)> services = {accounts::Install, sims::Install,
                                                            InstallHere})
      : env(std::move(services)) {}

  http::Response Send(const std::string& method, const std::string& target, std::string body = "",
                      http::Headers headers = {}) {
    http::ClientRequest request;
    request.method = method;
    request.url = absl::StrCat("http://127.0.0.1:", installed->port(), target);
    request.headers = std::move(headers);
    request.body = std::move(body);
    request.allow_private = true;
    request.timeout = absl::Seconds(20);
    auto response = client.Fetch(std::move(request));
    INFO(response.status());
    REQUIRE(response.ok());
    return *std::move(response);
  }
  // A new account's key.
  std::string NewKey() {
    const http::Response created =
        Send("POST", "/v1/accounts", R"({"display_name": "One"})",
             {{"Authorization", "Bearer mo_operator_test"}, {"Content-Type", "application/json"}});
    REQUIRE(created.status == 200);
    return Json::parse(created.body)["secret"];
  }
  // A new SIM's id.
  std::string NewSim(const std::string& key, const std::string& number,
                     const std::string& app_secret) {
    const Json sim = {{"network", "NETWORK_WHATSAPP"},
                      {"address", "+" + number},
                      {"capacity", "10"},
                      {"driver",
                       {{"whatsapp_cloud",
                         {{"phone_number_id", number},
                          {"access_token", "t"},
                          {"app_secret", app_secret},
                          {"verify_token", "hello"}}}}}};
    const http::Response created =
        Send("POST", "/v1/sims", sim.dump(),
             {{"Authorization", "Bearer " + key}, {"Content-Type", "application/json"}});
    INFO(created.body);
    REQUIRE(created.status == 200);
    return Json::parse(created.body)["id"];
  }
  int Call(const std::string& sim, const std::string& body, const std::string& signature) {
    return Send("POST", "/callbacks/whatsapp_cloud/" + sim, body,
                {{"Content-Type", "application/json"}, {"X-Hub-Signature-256", signature}})
        .status;
  }
  int64_t Count(const std::string& sql) {
    auto connection = storage::Connection::Open(env.postgres().UrlAs("postgres"));
    REQUIRE(connection.ok());
    auto rows = (*connection)->Query(sql, storage::Parameters());
    REQUIRE(rows.ok());
    return (*rows)[0].Int(0);
  }
  double Ends(const std::string& end) {
    return env.app().metrics().Counter("mo_sims_callbacks_total", "", {{"end", end}}).Value();
  }

  testing::Environment env;
  http::Client client;
};

// A text message to a number.
std::string Message(const std::string& number, const std::string& id) {
  const Json message = {{"from", "4366412345"},
                        {"id", id},
                        {"timestamp", "1700000000"},
                        {"type", "text"},
                        {"text", {{"body", "Grüße 👍"}}}};
  const Json value = {{"messaging_product", "whatsapp"},
                      {"metadata", {{"display_phone_number", number}, {"phone_number_id", number}}},
                      {"contacts", {{{"profile", {{"name", "Anna"}}}, {"wa_id", "4366412345"}}}},
                      {"messages", {message}}};
  return Json{{"object", "whatsapp_business_account"},
              {"entry", {{{"id", "1"}, {"changes", {{{"field", "messages"}, {"value", value}}}}}}}}
      .dump();
}

TEST_CASE("A callback is taken for what its signature vouches for, durably, and once") {
  Provider provider;
  const std::string key = provider.NewKey();
  const std::string sim = provider.NewSim(key, "436640001", "secret-1");
  const std::string body = Message("436640001", "wamid.1");
  const std::string signature = Signature("secret-1", body);

  CHECK(provider.Call(sim, body, signature) == 200);
  CHECK(provider.Count("SELECT count(*) FROM sims.inbound") == 1);
  CHECK(provider.Call(sim, body, signature) == 200);
  CHECK(provider.Count("SELECT count(*) FROM sims.inbound") == 1);
  CHECK(provider.Ends("taken") == 2);

  CHECK(provider.Call(sim, body + " ", signature) == 403);
  CHECK(provider.Call(sim, body, Signature("secret-2", body)) == 403);
  CHECK(provider.Call(sim, body, "") == 403);
  CHECK(provider.Ends("refused") == 3);

  // What is signed but is not understood would not be so the next time.
  CHECK(provider.Call(sim, "{", Signature("secret-1", "{")) == 200);
  CHECK(provider.Ends("malformed") == 1);
  // An unknown SIM, and one that another driver speaks for.
  CHECK(provider.Call("sim_0000000000001", body, signature) == 200);
  CHECK(provider.Call("nonsense", body, signature) == 200);
  CHECK(provider.Send("POST", "/callbacks/telegram/" + sim, body).status == 200);
  CHECK(provider.Ends("unknown_sim") == 3);
  CHECK(provider.Count("SELECT count(*) FROM sims.inbound") == 1);
}

TEST_CASE("The provider's question whether the callback is ours is answered") {
  Provider provider;
  const std::string sim = provider.NewSim(provider.NewKey(), "436640001", "secret-1");
  const std::string path = "/callbacks/whatsapp_cloud/" + sim +
                           "?hub.mode=subscribe&hub.challenge=4711&hub.verify_token=";
  const http::Response good = provider.Send("GET", path + "hello");
  CHECK(good.status == 200);
  CHECK(good.body == "4711");
  CHECK(provider.Send("GET", path + "hallo").status == 403);
}

TEST_CASE("A callback about another SIM reaches it only when that SIM's secret vouches for it") {
  Provider provider;
  const std::string key = provider.NewKey();
  const std::string first = provider.NewSim(key, "436640001", "shared");
  provider.NewSim(provider.NewKey(), "436640002", "shared");  // of the same Meta app
  provider.NewSim(provider.NewKey(), "436640003", "other");
  const std::string second = Message("436640002", "wamid.2");
  const std::string third = Message("436640003", "wamid.3");
  CHECK(provider.Call(first, second, Signature("shared", second)) == 200);
  CHECK(provider.Count("SELECT count(*) FROM sims.inbound i JOIN sims.sims s ON s.id = i.sim_id "
                       "AND s.account_id = i.account_id WHERE s.address = '+436640002'") == 1);
  CHECK(provider.Call(first, third, Signature("shared", third)) == 200);
  CHECK(provider.Count("SELECT count(*) FROM sims.inbound") == 1);
}

TEST_CASE("Credentials that have changed hold for the next callback") {
  Provider provider;
  const std::string key = provider.NewKey();
  const std::string sim = provider.NewSim(key, "436640001", "old");
  const std::string body = Message("436640001", "wamid.1");
  CHECK(provider.Call(sim, body, Signature("old", body)) == 200);
  const http::Response changed = provider.Send(
      "PATCH", absl::StrCat("/v1/sims/", sim, "?update_mask=driver.whatsapp_cloud.app_secret"),
      R"({"driver": {"whatsapp_cloud": {"app_secret": "new"}}})",
      {{"Authorization", "Bearer " + key}, {"Content-Type", "application/json"}});
  INFO(changed.body);
  REQUIRE(changed.status == 200);
  CHECK(changed.body.find("\"new\"") == std::string::npos);
  CHECK(provider.Call(sim, body, Signature("old", body)) == 403);
  CHECK(provider.Call(sim, body, Signature("new", body)) == 200);
}

TEST_CASE("Callbacks are limited in form and size") {
  Provider provider;
  const std::string path = "/callbacks/whatsapp_cloud/sim_0000000000001";
  CHECK(provider.Send("POST", path, std::string(kMaxCallbackBody, 'x')).status == 200);
  CHECK(provider.Send("POST", path, std::string(kMaxCallbackBody + 1, 'x')).status == 413);
  const http::Response put = provider.Send("PUT", path, "{}");
  CHECK(put.status == 405);
  CHECK(put.headers.Get("Allow") == "GET, POST");
  for (const char* wrong :
       {"/callbacks/whatsapp_cloud", "/callbacks//x", "/callbacks/a/b/c", "/callbacks/a/%2e%2e"}) {
    CAPTURE(wrong);
    CHECK(provider.Send("POST", wrong, "{}").status == 404);
  }
}

TEST_CASE("What cannot be taken now is to be brought again") {
  Provider provider({accounts::Install, InstallHere});  // without sims
  const http::Response response =
      provider.Send("POST", "/callbacks/whatsapp_cloud/sim_0000000000001", "{}");
  CHECK(response.status == 503);
  CHECK(response.headers.Get("Retry-After") == "1");
}

}  // namespace
}  // namespace mo::edge
