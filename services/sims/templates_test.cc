// Catalogues of templates, and messages in approved words.
#include "services/sims/templates.h"

#include <atomic>
#include <catch2/catch.hpp>

#include "absl/flags/declare.h"
#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "libs/http/server.h"
#include "libs/testing/wait.h"
#include "services/sims/drivers/json.h"
#include "services/sims/test_pool.h"

ABSL_DECLARE_FLAG(std::vector<std::string>, trusted_provider_hosts);

namespace mo::sims {
namespace {

using testing::WaitFor;

// Meta with a catalogue of two pages; takes every message.
class Meta {
 public:
  Meta()
      : server_({}, [this](http::Request request, http::Responder responder) {
          responder.Send(Answer(request));
        }) {
    REQUIRE(server_.Start().ok());
  }
  std::string url() const { return absl::StrCat("http://127.0.0.1:", server_.port()); }
  std::atomic<int> refuse = 0;  // an error's code
  std::atomic<bool> away = false;
  std::vector<std::string> bodies() {
    std::lock_guard lock(mutex_);
    return bodies_;
  }

 private:
  http::Response Answer(const http::Request& request) {
    if (request.path != "/v25.0/77/message_templates") {
      if (request.method == "POST") {
        std::lock_guard lock(mutex_);
        bodies_.push_back(request.body);
      }
      return {200, {}, R"({"messages":[{"id":"wamid.x"}]})"};
    }
    if (away) return {503, {}, ""};
    if (refuse != 0) return {403, {}, absl::StrCat(R"({"error":{"code":)", refuse.load(), "}}")};
    if (request.query.find("after=c1") == std::string::npos) {
      return {200, {}, R"({"data":[{"name":"sale","language":"de","status":"APPROVED",
        "category":"MARKETING","components":[{"type":"HEADER","format":"IMAGE"},
        {"type":"BODY","text":"Hallo {{1}}, {{2}} {{1}}"}]}],
        "paging":{"cursors":{"after":"c1"},"next":"https://x"}})"};
    }
    return {200, {}, R"({"data":[{"name":"sale","language":"en","status":"REJECTED",
      "rejected_reason":"PROMOTIONAL"},{"name":"","language":"xx"}],
      "paging":{"cursors":{"after":"c2"}}})"};
  }
  std::mutex mutex_;
  std::vector<std::string> bodies_;
  http::Server server_;
};

struct TemplatePool : TestPool {
  TemplatePool() {
    absl::SetFlag(&FLAGS_trusted_provider_hosts, {"127.0.0.1"});
    v1::CreateSimRequest request;
    request.mutable_sim()->set_network(common::NETWORK_WHATSAPP);
    request.mutable_sim()->set_address("+4366400001");
    request.mutable_sim()->set_capacity(1000);
    auto* cloud = request.mutable_sim()->mutable_driver()->mutable_whatsapp_cloud();
    cloud->set_base_url(meta.url());
    cloud->set_phone_number_id("1065");
    cloud->set_business_account_id("77");
    cloud->set_access_token("T1");
    cloud->set_app_secret("secret");
    cloud->set_verify_token("verify");
    auto created = sims.Call(&v1::SimService::Stub::CreateSim, caller, request);
    REQUIRE(created.ok());
    sim = created->id();
  }
  absl::StatusOr<v1::SyncTemplatesResponse> Sync() {
    v1::SyncTemplatesRequest request;
    request.set_id(sim);
    return sims.Call(&v1::SimService::Stub::SyncTemplates, caller, request);
  }
  v1::ListTemplatesResponse List(int32_t size = 0, const std::string& token = "") {
    v1::ListTemplatesRequest request;
    request.set_id(sim);
    request.set_page_size(size);
    request.set_page_token(token);
    auto listed = sims.Call(&v1::SimService::Stub::ListTemplates, caller, request);
    REQUIRE(listed.ok());
    return *listed;
  }
  void Send(const std::string& key, const std::string& language) {
    v1::SubmitRequest request = Dispatch(key, sim, v1::LANE_BULK, 1, 2);
    auto* message = request.mutable_dispatches(0)->mutable_content()->mutable_message_template();
    message->set_name("sale");
    message->set_language(language);
    message->add_body_parameters("Dear {{name}}");
    message->add_body_parameters("now");
    REQUIRE(Submit(request).ok());
  }
  absl::FlagSaver flags;
  Meta meta;
  std::string sim;
};

TEST_CASE("A catalogue is read, page by page, and replaced by the next reading", "[templates]") {
  TemplatePool pool;
  auto synced = pool.Sync();
  REQUIRE(synced.ok());
  CHECK(synced->templates() == 2);
  const v1::ListTemplatesResponse first = pool.List(1);
  REQUIRE(first.templates_size() == 1);
  CHECK(first.templates(0).name() == "sale");
  CHECK(first.templates(0).language() == "de");
  CHECK(first.templates(0).status() == v1::TEMPLATE_STATUS_APPROVED);
  CHECK(first.templates(0).header_format() == "IMAGE");
  CHECK(first.templates(0).body_parameters() == 2);
  const v1::ListTemplatesResponse second = pool.List(1, first.next_page_token());
  REQUIRE(second.templates_size() == 1);
  CHECK(second.templates(0).status() == v1::TEMPLATE_STATUS_REJECTED);
  CHECK(second.templates(0).rejected_reason() == "PROMOTIONAL");
  CHECK(second.next_page_token().empty());
  REQUIRE(pool.Sync().ok());
  CHECK(pool.List().templates_size() == 2);
}

TEST_CASE("A provider that refuses or is away leaves the catalogue as it was", "[templates]") {
  TemplatePool pool;
  REQUIRE(pool.Sync().ok());
  pool.meta.refuse = 190;
  CHECK(ReasonOf(pool.Sync().status()) == "PROVIDER_REFUSED");
  pool.meta.away = true;
  CHECK(ReasonOf(pool.Sync().status()) == "PROVIDER_UNAVAILABLE");
  CHECK(pool.List().templates_size() == 2);
}

TEST_CASE("A SIM without a catalogue says so", "[templates]") {
  TemplatePool pool;
  pool.sim = pool.AddSim("+4366400002").id();
  CHECK(ReasonOf(pool.Sync().status()) == "NOT_SUPPORTED");
  CHECK(pool.List().templates_size() == 0);
}

TEST_CASE("An approved template leaves outside of the window; another one is skipped at once",
          "[templates]") {
  TemplatePool pool;
  REQUIRE(pool.Sync().ok());
  pool.Send("refused", "en");
  const common::DeliveryCounts refused = pool.Counts("refused");
  CHECK(refused.skipped() == 2);
  REQUIRE(refused.reasons_size() == 1);
  CHECK(refused.reasons(0).reason() == common::DELIVERY_REASON_TEMPLATE_NOT_APPROVED);
  pool.Send("sent", "de");
  WaitFor([&] { return pool.Counts("sent").accepted() == 2; }, "the template");
  const std::string body = pool.meta.bodies().back();
  CHECK(body.find(R"({"type":"text","text":"Dear N)") != std::string::npos);
  // Free text is refused to the same people.
  REQUIRE(pool.Submit(pool.Dispatch("text", pool.sim, v1::LANE_BULK, 1, 2)).ok());
  WaitFor([&] { return pool.Counts("text").skipped() == 2; }, "the text");
}

TEST_CASE("While nothing is known of a SIM's templates the provider decides", "[templates]") {
  TemplatePool pool;
  pool.meta.away = true;
  pool.Send("sent", "en");
  WaitFor([&] { return pool.Counts("sent").accepted() == 2; }, "the template");
}

TEST_CASE("Catalogues are read without being asked for", "[templates]") {
  TemplatePool pool;
  WaitFor([&] { return pool.List().templates_size() == 2; }, "the worker");
}

}  // namespace
}  // namespace mo::sims
