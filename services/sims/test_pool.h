// What the tests of sims do again and again.
#pragma once

#include <catch2/catch.hpp>
#include <string>

#include "libs/runtime/ids.h"
#include "libs/storage/transaction.h"
#include "libs/testing/environment.h"
#include "messageorganizer/sims/v1/dispatch.grpc.pb.h"
#include "messageorganizer/sims/v1/sims.grpc.pb.h"
#include "services/sims/install.h"

namespace mo::sims {

namespace v1 = messageorganizer::sims::v1;
namespace common = messageorganizer::common::v1;

// The sims service with clients.
struct TestPool {
  explicit TestPool(AppOptions options = {}, std::vector<void (*)(App&)> services = {Install})
      : env(std::move(services), std::move(options)) {}

  testing::Environment env;
  Client<v1::SimService> sims{env.app()};
  Client<v1::AllocationService> allocations{env.app()};
  Client<v1::DispatchService> dispatches{env.app()};
  Caller caller = env.caller();

  v1::Sim AddSim(const std::string& address, int64_t capacity = 1000, int rate = 0) {
    v1::CreateSimRequest request;
    request.mutable_sim()->set_network(common::NETWORK_WHATSAPP);
    request.mutable_sim()->set_address(address);
    request.mutable_sim()->set_capacity(capacity);
    request.mutable_sim()->set_messages_per_second(rate);
    auto sim = sims.Call(&v1::SimService::Stub::CreateSim, caller, request);
    REQUIRE(sim.ok());
    return *sim;
  }
  std::string Token(const std::string& sim_id) {
    v1::CreateAgentTokenRequest request;
    request.set_id(sim_id);
    return sims.Call(&v1::SimService::Stub::CreateAgentToken, caller, request)->token();
  }
  absl::StatusOr<v1::AllocateResponse> Allocate(int64_t contact, const std::string& sim_id = "") {
    v1::AllocateRequest request;
    request.set_contact_id(FormatId("con", contact));
    request.set_network(common::NETWORK_WHATSAPP);
    request.set_sim_id(sim_id);
    return allocations.Call(&v1::AllocationService::Stub::Allocate, caller, request);
  }
  // A dispatch to contacts first … first + count - 1.
  v1::SubmitRequest Dispatch(const std::string& key, const std::string& sim_id, v1::Lane lane,
                             int64_t first, int count) {
    v1::SubmitRequest request;
    auto* dispatch = request.add_dispatches();
    dispatch->set_key(key);
    dispatch->set_sim_id(sim_id);
    dispatch->set_lane(lane);
    dispatch->set_group(key);
    dispatch->mutable_content()->mutable_text()->set_body("Hello {{name}}");
    dispatch->add_parameter_names("name");
    for (int i = 0; i < count; ++i) {
      auto* recipient = dispatch->add_recipients();
      recipient->set_contact_id(first + i);
      recipient->set_address("+43" + std::to_string(first + i));
      recipient->add_parameters("N" + std::to_string(i));
    }
    return request;
  }
  absl::StatusOr<v1::SubmitResponse> Submit(const v1::SubmitRequest& request) {
    return dispatches.Call(&v1::DispatchService::Stub::Submit, caller, request);
  }
  absl::Status Control(const std::string& group, v1::GroupControl control) {
    v1::ControlGroupRequest request;
    request.set_group(group);
    request.set_control(control);
    return dispatches.Call(&v1::DispatchService::Stub::ControlGroup, caller, request).status();
  }
  // Also checks that the counts add up.
  common::DeliveryCounts Counts(const std::string& group) {
    v1::GetGroupCountsRequest request;
    request.set_group(group);
    auto response = dispatches.Call(&v1::DispatchService::Stub::GetGroupCounts, caller, request);
    REQUIRE(response.ok());
    const auto& c = response->counts();
    CHECK(c.audience() == c.queued() + c.attempting() + c.accepted() + c.sent() + c.delivered() +
                              c.read() + c.failed() + c.skipped() + c.uncertain());
    return c;
  }
  void Suppress(int64_t contact, bool suppressed, int64_t version) {
    v1::SetSuppressedRequest request;
    request.set_contact_id(FormatId("con", contact));
    request.set_suppressed(suppressed);
    request.set_version(version);
    REQUIRE(allocations.Call(&v1::AllocationService::Stub::SetSuppressed, caller, request).ok());
  }
  // Statements as the database's owner, past row-level security.
  void Execute(const std::string& sql) { REQUIRE(Connect()->Script(sql).ok()); }
  // The number that a statement yields.
  int64_t Count(const std::string& sql) {
    auto rows = Connect()->Query(sql, storage::Parameters());
    REQUIRE(rows.ok());
    return (*rows)[0].Int(0);
  }

 private:
  std::unique_ptr<storage::Connection> Connect() {
    auto connection = storage::Connection::Open(env.postgres().UrlAs("postgres"));
    REQUIRE(connection.ok());
    return *std::move(connection);
  }
};

}  // namespace mo::sims
