// Joining and leaving groups, in the process that drives the SIM and through another one.
#include "services/sims/group_commands.h"

#include <catch2/catch.hpp>
#include <future>

#include "absl/flags/declare.h"
#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "libs/http/server.h"
#include "services/sims/test_agent.h"
#include "services/sims/test_pool.h"

ABSL_DECLARE_FLAG(std::vector<std::string>, trusted_provider_hosts);

namespace mo::sims {
namespace {

using testing::WaitFor;
using GroupStub = v1::SimService::Stub;

v1::AgentItem Membership(const std::string& id, bool left) {
  v1::AgentItem item;
  item.mutable_group()->set_group_id(id);
  item.mutable_group()->set_display_name("Group " + id);
  item.mutable_group()->set_left(left);
  return item;
}

// A pool with a SIM that an agent has attached to, in the group "g1".
struct GroupPool : TestPool {
  GroupPool() : sim(AddSim("+4366400001").id()), agent(env.app().grpc_port(), Token(sim)) {
    agent.WaitForAck(agent.Say({Membership("g1", false)}));
  }
  static v1::LeaveGroupRequest LeaveOf(const std::string& sim, const std::string& group) {
    v1::LeaveGroupRequest request;
    request.set_id(sim);
    request.set_group_id(group);
    return request;
  }
  absl::Status Leave(const std::string& group) {
    return sims.Call(&GroupStub::LeaveGroup, caller, LeaveOf(sim, group)).status();
  }
  int Groups() {
    v1::ListGroupsRequest request;
    request.set_id(sim);
    return sims.Call(&GroupStub::ListGroups, caller, request)->groups_size();
  }

  std::string sim;
  TestAgent agent;
};

// Another process of the service, before the same database.
struct OtherProcess {
  explicit OtherProcess(TestPool& pool) : app(pool.env.app().options()) {
    Install(app);
    REQUIRE(app.Start().ok());
    sims.emplace(app);
  }
  App app;
  std::optional<Client<v1::SimService>> sims;
};

TEST_CASE("A group is left when the agent says so, and not before", "[groups]") {
  GroupPool pool;
  REQUIRE(pool.Groups() == 1);
  auto left = std::async(std::launch::async, [&] { return pool.Leave("g1"); });
  WaitFor([&] { return pool.agent.commands().size() == 1; }, "the command");
  CHECK(pool.agent.commands()[0].leave_group().group_id() == "g1");
  // Of another group: nobody waits for that.
  pool.agent.WaitForAck(pool.agent.Say({Membership("g2", true)}));
  CHECK(left.wait_for(std::chrono::milliseconds(0)) == std::future_status::timeout);
  CHECK(pool.Groups() == 1);
  pool.agent.Say({Membership("g1", true)});
  CHECK(left.get().ok());
  CHECK(pool.Groups() == 0);
}

TEST_CASE("What cannot be left says why", "[groups]") {
  GroupPool pool;
  CHECK(ReasonOf(pool.Leave("g9")) == "GROUP_NOT_FOUND");
  CHECK(ReasonOf(pool.sims
                     .Call(&GroupStub::LeaveGroup, pool.caller,
                           GroupPool::LeaveOf("sim_0000000000001", "g1"))
                     .status()) == "SIM_NOT_FOUND");
  CHECK(ReasonOf(pool.sims
                     .Call(&GroupStub::LeaveGroup, pool.env.caller(2),
                           GroupPool::LeaveOf(pool.sim, "g1"))
                     .status()) == "SIM_NOT_FOUND");
  // The agent goes while somebody waits, and is gone.
  auto left = std::async(std::launch::async, [&] { return pool.Leave("g1"); });
  WaitFor([&] { return pool.agent.commands().size() == 1; }, "the command");
  pool.agent.Drop();
  CHECK(ReasonOf(left.get()) == "AGENT_OFFLINE");
  WaitFor(
      [&] { return pool.Count("SELECT count(*) FROM sims.leases WHERE expire_time > now()") == 0; },
      "the SIM to be offline");
  CHECK(ReasonOf(pool.Leave("g1")) == "AGENT_OFFLINE");
}

TEST_CASE("Groups are joined and left through a process that does not drive the SIM", "[groups]") {
  GroupPool pool;
  OtherProcess other(pool);
  auto left = std::async(std::launch::async, [&] {
    return other.sims->Call(&GroupStub::LeaveGroup, pool.caller, GroupPool::LeaveOf(pool.sim, "g1"))
        .status();
  });
  WaitFor([&] { return pool.agent.commands().size() == 1; }, "the command");
  pool.agent.Say({Membership("g1", true)});
  CHECK(left.get().ok());
  CHECK(pool.Groups() == 0);

  auto joined = std::async(std::launch::async, [&] {
    v1::JoinGroupRequest request;
    request.set_id(pool.sim);
    request.set_invite_link("https://chat.whatsapp.com/x");
    return other.sims->Call(&GroupStub::JoinGroup, pool.caller, request);
  });
  WaitFor([&] { return pool.agent.commands().size() == 2; }, "the next command");
  v1::AgentItem answer;
  answer.mutable_join_result()->set_request_id(pool.agent.commands()[1].join_group().request_id());
  answer.mutable_join_result()->set_outcome(v1::JOIN_OUTCOME_FULL);
  pool.agent.Say({answer});
  const auto response = joined.get();
  REQUIRE(response.ok());
  CHECK(response->outcome() == v1::JOIN_OUTCOME_FULL);
  // Nothing of it stays.
  CHECK(pool.Count("SELECT count(*) FROM sims.group_commands") == 0);
}

TEST_CASE("An error of the process that drives the SIM is the answer", "[groups]") {
  GroupPool pool;
  OtherProcess other(pool);
  auto left = std::async(std::launch::async, [&] {
    return other.sims->Call(&GroupStub::LeaveGroup, pool.caller, GroupPool::LeaveOf(pool.sim, "g1"))
        .status();
  });
  WaitFor([&] { return pool.agent.commands().size() == 1; }, "the command");
  pool.agent.Drop();
  const absl::Status status = left.get();
  CHECK(ReasonOf(status) == "AGENT_OFFLINE");
  CHECK(RetryDelayOf(status) == absl::Seconds(5));
}

TEST_CASE("A provider takes its SIM out of a group", "[groups]") {
  const absl::FlagSaver flags;
  absl::SetFlag(&FLAGS_trusted_provider_hosts, {"127.0.0.1"});
  std::atomic<int> leaves = 0;
  std::atomic<bool> refuse = false;
  http::Server telegram({}, [&](http::Request request, http::Responder responder) {
    if (request.path.find("/leaveChat") == std::string::npos)
      return responder.Send({200, {}, R"({"ok":true,"result":true})"});
    ++leaves;
    if (refuse)
      return responder.Send({400, {}, R"({"ok":false,"error_code":400,"description":"no"})"});
    responder.Send({200, {}, R"({"ok":true,"result":true})"});
  });
  REQUIRE(telegram.Start().ok());
  TestPool pool;
  v1::CreateSimRequest request;
  request.mutable_sim()->set_network(common::NETWORK_TELEGRAM);
  request.mutable_sim()->set_address("news_bot");
  request.mutable_sim()->set_capacity(10);
  auto* settings = request.mutable_sim()->mutable_driver()->mutable_telegram();
  settings->set_base_url(absl::StrCat("http://127.0.0.1:", telegram.port()));
  settings->set_bot_token("7000:" + std::string(35, 'A'));
  settings->set_secret_token("secret_1");
  const auto sim = pool.sims.Call(&GroupStub::CreateSim, pool.caller, request);
  REQUIRE(sim.ok());
  pool.Execute(absl::StrCat("INSERT INTO sims.groups SELECT 1, ", IdOf(sim->id()),
                            ", g, 'Group', now() FROM unnest(ARRAY['-1', '-2', 'x']) AS g"));
  WaitFor([&] { return pool.Count("SELECT count(*) FROM sims.leases") == 1; }, "the session");
  const auto leave = [&](const std::string& group) {
    return pool.sims.Call(&GroupStub::LeaveGroup, pool.caller, GroupPool::LeaveOf(sim->id(), group))
        .status();
  };
  WaitFor([&] { return leave("-1").ok() || leaves > 0; }, "the SIM to be driven");
  CHECK(pool.Count("SELECT count(*) FROM sims.groups") == 2);
  // No group of Telegram's.
  CHECK(ReasonOf(leave("x")) == "NOT_SUPPORTED");
  refuse = true;
  CHECK(ReasonOf(leave("-2")) == "PROVIDER_REFUSED");
  CHECK(pool.Count("SELECT count(*) FROM sims.groups WHERE group_id = '-2'") == 1);
}

}  // namespace
}  // namespace mo::sims
