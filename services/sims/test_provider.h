// A double of a provider, and a pool with a SIM that sends by it.
#pragma once

#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "absl/flags/declare.h"
#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "libs/http/server.h"
#include "libs/testing/clock.h"
#include "libs/testing/wait.h"
#include "services/sims/drivers/json.h"
#include "services/sims/test_pool.h"

ABSL_DECLARE_FLAG(std::vector<std::string>, trusted_provider_hosts);

namespace mo::sims {

// WhatsApp's face: takes what it is sent, unless a test says otherwise.
class TestMeta {
 public:
  using Answer = std::function<void(const std::string& to, int attempt, http::Responder responder)>;

  TestMeta()
      : server_({}, [this](http::Request request, http::Responder responder) {
          Handle(std::move(request), std::move(responder));
        }) {
    REQUIRE(server_.Start().ok());
  }

  std::string url() const { return absl::StrCat("http://127.0.0.1:", server_.port()); }
  // What is answered from now on; null: everything is taken.
  void Set(Answer answer) {
    std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  static void Take(const http::Responder& responder) {
    responder.Send({200, {}, R"({"messages":[{"id":"wamid.x"}]})"});
  }
  static void Refuse(const http::Responder& responder, int status, int code) {
    responder.Send({status, {}, absl::StrCat(R"({"error":{"code":)", code, "}}")});
  }
  // How often each address was written to.
  std::map<std::string, int> attempts() {
    std::lock_guard lock(mutex_);
    return attempts_;
  }
  size_t messages() {
    std::lock_guard lock(mutex_);
    return bodies_.size();
  }
  std::vector<std::string> bodies() {
    std::lock_guard lock(mutex_);
    return bodies_;
  }
  int uploads() {
    std::lock_guard lock(mutex_);
    return uploads_;
  }
  std::vector<std::string> tokens() {
    std::lock_guard lock(mutex_);
    return tokens_;
  }

 private:
  void Handle(http::Request request, http::Responder responder) {
    // Asked whether it knows the SIM.
    if (request.method == "GET") return responder.Send({200, {}, "{}"});
    std::unique_lock lock(mutex_);
    if (request.path == "/v25.0/1065/media") {
      ++uploads_;
      return responder.Send({200, {}, R"({"id":"900"})"});
    }
    const Json body = ParseJson(request.body);
    const std::string to = TextAt(body, "to");
    bodies_.push_back(request.body);
    tokens_.push_back(std::string(request.headers.Get("Authorization")));
    const int attempt = ++attempts_[to];
    const Answer answer = answer_;
    lock.unlock();
    if (answer) return answer(to, attempt, std::move(responder));
    Take(responder);
  }

  std::mutex mutex_;
  Answer answer_;
  std::map<std::string, int> attempts_;
  std::vector<std::string> bodies_;
  std::vector<std::string> tokens_;
  int uploads_ = 0;
  http::Server server_;
};

// The pool with a SIM that Meta sends for.
struct ProviderPool : TestPool {
  explicit ProviderPool(AppOptions options = {}, std::vector<void (*)(App&)> services = {Install})
      : TestPool(std::move(options), std::move(services)) {
    absl::SetFlag(&FLAGS_trusted_provider_hosts, {"127.0.0.1"});
    v1::CreateSimRequest request;
    request.mutable_sim()->set_network(common::NETWORK_WHATSAPP);
    request.mutable_sim()->set_address("+4366400001");
    request.mutable_sim()->set_capacity(1000);
    request.mutable_sim()->set_messages_per_second(100000);
    auto* cloud = request.mutable_sim()->mutable_driver()->mutable_whatsapp_cloud();
    cloud->set_base_url(meta.url());
    cloud->set_phone_number_id("1065");
    cloud->set_access_token("T1");
    cloud->set_app_secret("secret");
    cloud->set_verify_token("verify");
    auto created = sims.Call(&v1::SimService::Stub::CreateSim, caller, request);
    REQUIRE(created.ok());
    sim = *created;
    // These have written.
    Execute(absl::StrCat(
        "INSERT INTO sims.reply_windows (account_id, sim_id, address, open_until) SELECT 1, ",
        IdOf(sim.id()), ", '+43' || n, '2100-01-01' FROM generate_series(1, 1999) AS n"));
  }
  // Redis is new: nothing leaves before others could have told it what they have sent.
  void AwaitLimiter(testing::FakeClock& clock) {
    REQUIRE(Submit(To("first", 1999, 1, v1::LANE_INTERACTIVE)).ok());
    testing::WaitFor(
        [&] {
          clock.Advance(absl::Milliseconds(100));
          return Counts("first").accepted() == 1;
        },
        "the first message");
  }
  v1::SubmitRequest To(const std::string& key, int64_t first, int count,
                       v1::Lane lane = v1::LANE_BULK) {
    return Dispatch(key, sim.id(), lane, first, count);
  }
  v1::SimState State() {
    v1::GetSimRequest request;
    request.set_id(sim.id());
    return sims.Call(&v1::SimService::Stub::GetSim, caller, request)->state();
  }
  bool Online() {
    v1::GetSimRequest request;
    request.set_id(sim.id());
    return sims.Call(&v1::SimService::Stub::GetSim, caller, request)->online();
  }

  const absl::FlagSaver flags;
  TestMeta meta;
  v1::Sim sim;
};

}  // namespace mo::sims
