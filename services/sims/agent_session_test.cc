#include "services/sims/agent_session.h"

#include <catch2/catch.hpp>

#include "libs/testing/clock.h"
#include "services/sims/test_agent.h"
#include "services/sims/test_pool.h"

namespace mo::sims {
namespace {

using testing::WaitFor;

TEST_CASE("A dispatch goes from queued to read, and its counts add up") {
  TestPool pool;
  const v1::Sim sim = pool.AddSim("+4366400001");
  REQUIRE(pool.Submit(pool.Dispatch("d1", sim.id(), v1::LANE_BULK, 1, 3)).ok());
  CHECK(pool.Counts("d1").queued() == 3);
  auto again = pool.Submit(pool.Dispatch("d1", sim.id(), v1::LANE_BULK, 1, 2));
  REQUIRE(again->duplicate_keys_size() == 1);

  TestAgent agent(pool.env.app().grpc_port(), pool.Token(sim.id()));
  agent.WaitForSent(3);
  CHECK(agent.last_text() == "Hello {{0}}");
  CHECK(pool.Counts("d1").attempting() == 3);
  for (const auto& [key, address] : agent.sent()) {
    agent.Result(key, v1::SEND_OUTCOME_ACCEPTED);
    agent.Receipt(key, v1::RECEIPT_STATE_READ);
    agent.WaitForAck(agent.Receipt(
        key, v1::RECEIPT_STATE_DELIVERED));  // overtaken by the other: changes nothing
  }
  CHECK(pool.Counts("d1").read() == 3);
  // A dispatch that comes while the agent is attached leaves at once.
  REQUIRE(pool.Submit(pool.Dispatch("d2", sim.id(), v1::LANE_INTERACTIVE, 9, 1)).ok());
  agent.WaitForSent(4);
}

TEST_CASE("Failures keep their reason; a throttled message is sent again") {
  TestPool pool;
  const v1::Sim sim = pool.AddSim("+4366400001");
  TestAgent agent(pool.env.app().grpc_port(), pool.Token(sim.id()));
  REQUIRE(pool.Submit(pool.Dispatch("d1", sim.id(), v1::LANE_BULK, 1, 3)).ok());
  agent.WaitForSent(3);
  const auto keys = agent.order();
  agent.Result(keys[0], v1::SEND_OUTCOME_BLOCKED);
  agent.Result(keys[1], v1::SEND_OUTCOME_THROTTLED, 5);
  agent.WaitForAck(agent.Result(keys[2], v1::SEND_OUTCOME_ADDRESS_INVALID));
  WaitFor([&] { return agent.order().size() == 4; }, "the throttled message again");
  CHECK(agent.order()[3] == keys[1]);
  agent.WaitForAck(agent.Result(keys[1], v1::SEND_OUTCOME_ACCEPTED));
  const auto counts = pool.Counts("d1");
  CHECK(counts.failed() == 2);
  CHECK(counts.accepted() == 1);
  REQUIRE(counts.reasons_size() == 2);
}

TEST_CASE("A refusal that is said again after a lost stream does not undo the next attempt") {
  TestPool pool;
  const v1::Sim sim = pool.AddSim("+4366400001");
  const std::string token = pool.Token(sim.id());
  REQUIRE(pool.Submit(pool.Dispatch("d1", sim.id(), v1::LANE_BULK, 1, 1)).ok());
  int64_t key = 0;
  {
    TestAgent agent(pool.env.app().grpc_port(), token, /*idempotent=*/false);
    agent.WaitForSent(1);
    key = agent.order()[0];
    // Committed, but as far as the agent knows its ack was lost.
    agent.WaitForAck(agent.Result(key, v1::SEND_OUTCOME_THROTTLED, 600000));
  }
  TestAgent agent(pool.env.app().grpc_port(), token, /*idempotent=*/false);
  agent.WaitForSent(1);
  agent.WaitForAck(agent.Replay(key, v1::SEND_OUTCOME_THROTTLED));
  CHECK(pool.Counts("d1").attempting() == 1);
  agent.WaitForAck(agent.Result(key, v1::SEND_OUTCOME_ACCEPTED));
  CHECK(pool.Counts("d1").accepted() == 1);
  CHECK(agent.order().size() == 1);
}

TEST_CASE(
    "After a lost stream an idempotent agent gets its open messages again, under the same keys") {
  TestPool pool;
  const v1::Sim sim = pool.AddSim("+4366400001");
  const std::string token = pool.Token(sim.id());
  std::map<int64_t, std::string> first;
  {
    TestAgent agent(pool.env.app().grpc_port(), token);
    REQUIRE(pool.Submit(pool.Dispatch("d1", sim.id(), v1::LANE_BULK, 1, 5)).ok());
    agent.WaitForSent(5);
    first = agent.sent();
    agent.WaitForAck(agent.Result(first.begin()->first, v1::SEND_OUTCOME_ACCEPTED));
  }
  TestAgent agent(pool.env.app().grpc_port(), token);
  agent.WaitForSent(4);
  for (const auto& [key, address] : agent.sent()) CHECK(first.at(key) == address);
  for (const auto& [key, address] : agent.sent())
    agent.WaitForAck(agent.Result(key, v1::SEND_OUTCOME_ACCEPTED));
  CHECK(pool.Counts("d1").accepted() == 5);
  CHECK(agent.order().size() == 4);
}

TEST_CASE(
    "An agent without idempotency gets nothing twice: open messages become uncertain, a receipt "
    "settles them") {
  TestPool pool;
  const v1::Sim sim = pool.AddSim("+4366400001");
  const std::string token = pool.Token(sim.id());
  std::vector<int64_t> keys;
  {
    TestAgent agent(pool.env.app().grpc_port(), token, /*idempotent=*/false);
    REQUIRE(pool.Submit(pool.Dispatch("d1", sim.id(), v1::LANE_BULK, 1, 3)).ok());
    agent.WaitForSent(3);
    keys = agent.order();
  }
  TestAgent agent(pool.env.app().grpc_port(), token, /*idempotent=*/false);
  WaitFor([&] { return pool.Counts("d1").uncertain() == 3; }, "uncertain messages");
  CHECK(agent.order().empty());
  agent.WaitForAck(agent.Receipt(keys[0], v1::RECEIPT_STATE_DELIVERED));
  CHECK(pool.Counts("d1").uncertain() == 2);
  CHECK(pool.Counts("d1").delivered() == 1);
}

TEST_CASE("A killed gateway resumes where its windows were committed") {
  TestPool pool;
  const v1::Sim sim = pool.AddSim("+4366400001");
  const std::string token = pool.Token(sim.id());
  REQUIRE(pool.Submit(pool.Dispatch("d1", sim.id(), v1::LANE_BULK, 1, 100)).ok());
  {
    TestAgent agent(pool.env.app().grpc_port(), token, true, /*credit=*/40);
    agent.WaitForSent(20);
  }
  pool.env.Restart();
  Client<v1::DispatchService> dispatches(pool.env.app());
  TestAgent agent(pool.env.app().grpc_port(), token);
  agent.WaitForSent(100);
  for (const auto& [key, address] : agent.sent()) agent.Result(key, v1::SEND_OUTCOME_ACCEPTED);
  v1::GetGroupCountsRequest request;
  request.set_group("d1");
  WaitFor(
      [&] {
        return dispatches.Call(&v1::DispatchService::Stub::GetGroupCounts, pool.caller, request)
                   ->counts()
                   .accepted() == 100;
      },
      "all to be accepted");
}

TEST_CASE("A message that is sent again takes credit until it is answered again") {
  TestPool pool;
  const v1::Sim sim = pool.AddSim("+4366400001");
  const std::string token = pool.Token(sim.id());
  REQUIRE(pool.Submit(pool.Dispatch("m1", sim.id(), v1::LANE_INTERACTIVE, 1, 1)).ok());
  int64_t key = 0;
  {
    TestAgent agent(pool.env.app().grpc_port(), token, /*idempotent=*/true, /*credit=*/1);
    agent.WaitForSent(1);
    key = agent.order()[0];
  }
  TestAgent agent(pool.env.app().grpc_port(), token, /*idempotent=*/true, /*credit=*/1);
  agent.WaitForSent(1);
  REQUIRE(pool.Submit(pool.Dispatch("m2", sim.id(), v1::LANE_INTERACTIVE, 2, 1)).ok());
  // The answer that the lost stream was to bring. What follows it has passed the ledger, too.
  agent.WaitForAck(agent.Replay(key, v1::SEND_OUTCOME_ACCEPTED));
  CHECK(pool.Counts("m1").accepted() == 1);
  agent.WaitForAck(agent.Write("in1", "+435", "Hello"));
  CHECK(agent.order().size() == 1);
  agent.Result(key, v1::SEND_OUTCOME_ACCEPTED);
  agent.WaitForSent(2);
}

TEST_CASE("Stopped contacts are skipped when their window opens, not when they were submitted") {
  TestPool pool;
  const v1::Sim sim = pool.AddSim("+4366400001");
  REQUIRE(pool.Submit(pool.Dispatch("d1", sim.id(), v1::LANE_BULK, 1, 3)).ok());
  pool.Suppress(2, true, 5);
  pool.Suppress(2, false, 4);  // older: changes nothing
  TestAgent agent(pool.env.app().grpc_port(), pool.Token(sim.id()));
  agent.WaitForSent(2);
  WaitFor([&] { return pool.Counts("d1").skipped() == 1; }, "the skipped one");
  CHECK(pool.Counts("d1").reasons(0).reason() == common::DELIVERY_REASON_STOPPED);
  auto confirmation = pool.Dispatch("d2", sim.id(), v1::LANE_INTERACTIVE, 2, 1);
  confirmation.mutable_dispatches(0)->set_ignore_suppression(true);
  REQUIRE(pool.Submit(confirmation).ok());
  agent.WaitForSent(3);
  pool.Suppress(2, false, 6);
  REQUIRE(pool.Submit(pool.Dispatch("d3", sim.id(), v1::LANE_INTERACTIVE, 2, 1)).ok());
  agent.WaitForSent(4);
}

TEST_CASE("Pause holds what is queued, resume lets it go, cancel skips it for good") {
  TestPool pool;
  const v1::Sim sim = pool.AddSim("+4366400001");
  REQUIRE(pool.Control("d1", v1::GROUP_CONTROL_PAUSE).ok());
  REQUIRE(pool.Submit(pool.Dispatch("d1", sim.id(), v1::LANE_BULK, 1, 2)).ok());
  REQUIRE(pool.Submit(pool.Dispatch("other", sim.id(), v1::LANE_BULK, 1, 1)).ok());
  TestAgent agent(pool.env.app().grpc_port(), pool.Token(sim.id()), true, /*credit=*/2);
  agent.WaitForSent(1);
  CHECK(pool.Counts("d1").queued() == 2);
  agent.Result(agent.order()[0], v1::SEND_OUTCOME_ACCEPTED);
  REQUIRE(pool.Control("d1", v1::GROUP_CONTROL_RUN).ok());
  agent.WaitForSent(2);  // credit 2 less the reserve of 1 for interactive messages: one at a time
  REQUIRE(pool.Control("d1", v1::GROUP_CONTROL_CANCEL).ok());
  CHECK(pool.Counts("d1").skipped() == 1);
  CHECK(pool.Counts("d1").attempting() == 1);
  REQUIRE(pool.Control("d1", v1::GROUP_CONTROL_RUN).ok());
  REQUIRE(pool.Submit([&] {
                auto late = pool.Dispatch("late", sim.id(), v1::LANE_BULK, 5, 1);
                late.mutable_dispatches(0)->set_group("d1");
                return late;
              }())
              .ok());
  CHECK(pool.Counts("d1").skipped() == 2);
  // Whoever waits for news of it hears of its end, as of any other's.
  CHECK(pool.Count(
            "SELECT count(*) FROM sims.outbox WHERE position('late'::bytea IN envelope) > 0") == 1);
}

TEST_CASE("What was on its way when its stream was lost is not sent again after a cancel") {
  const bool idempotent = GENERATE(true, false);
  TestPool pool;
  const v1::Sim sim = pool.AddSim("+4366400001");
  const std::string token = pool.Token(sim.id());
  REQUIRE(pool.Submit(pool.Dispatch("d1", sim.id(), v1::LANE_BULK, 1, 5)).ok());
  {
    TestAgent agent(pool.env.app().grpc_port(), token, idempotent, /*credit=*/3);
    agent.WaitForSent(2);  // one of the credit is left for interactive messages
  }
  const int64_t left = pool.Counts("d1").attempting();
  REQUIRE(pool.Control("d1", v1::GROUP_CONTROL_CANCEL).ok());
  TestAgent agent(pool.env.app().grpc_port(), token, idempotent);
  WaitFor([&] { return pool.Counts("d1").uncertain() == left; }, "those in doubt");
  CHECK(pool.Counts("d1").skipped() == 5 - left);
  CHECK(agent.order().empty());
  // It had arrived.
  const int64_t id = pool.Count("SELECT max(id) FROM sims.dispatches");
  agent.WaitForAck(agent.Receipt(DeliveryKey(id, 0), v1::RECEIPT_STATE_READ));
  CHECK(pool.Counts("d1").read() == 1);
}

TEST_CASE("An interactive message overtakes a bulk dispatch") {
  TestPool pool;
  const v1::Sim sim = pool.AddSim("+4366400001");
  TestAgent agent(pool.env.app().grpc_port(), pool.Token(sim.id()), true, /*credit=*/20);
  REQUIRE(pool.Submit(pool.Dispatch("bulk", sim.id(), v1::LANE_BULK, 1, 500)).ok());
  agent.WaitForSent(18);
  REQUIRE(pool.Submit(pool.Dispatch("answer", sim.id(), v1::LANE_INTERACTIVE, 9999, 1)).ok());
  agent.WaitForSent(19);  // nothing was answered: it takes the credit that bulk must leave
  CHECK(agent.sent()[agent.order().back()] == "+439999");
}

TEST_CASE("A rate is kept") {
  testing::FakeClock clock;
  AppOptions options;
  options.clock = &clock;
  TestPool pool(options);
  const v1::Sim sim = pool.AddSim("+4366400001", 1000, /*rate=*/100);
  REQUIRE(pool.Submit(pool.Dispatch("bulk", sim.id(), v1::LANE_BULK, 1, 60)).ok());
  TestAgent agent(pool.env.app().grpc_port(), pool.Token(sim.id()));
  // A tenth of a second's worth at once, then as much as the clock allows, and never more.
  for (size_t sent = 10; sent <= 60; sent += 10) {
    agent.WaitForSent(sent);
    // The first ack comes after a look for more to send; the second one after whatever that found.
    for (size_t i = sent - 2; i < sent; ++i)
      agent.WaitForAck(agent.Result(agent.order()[i], v1::SEND_OUTCOME_ACCEPTED));
    CHECK(agent.order().size() == sent);
    clock.Advance(absl::Milliseconds(100));
  }
}

TEST_CASE("What has expired is skipped") {
  TestPool pool;
  const v1::Sim sim = pool.AddSim("+4366400001");
  auto request = pool.Dispatch("d1", sim.id(), v1::LANE_BULK, 1, 2);
  *request.mutable_dispatches(0)->mutable_expire_time() = ToProto(absl::Now() - absl::Seconds(1));
  REQUIRE(pool.Submit(request).ok());
  TestAgent agent(pool.env.app().grpc_port(), pool.Token(sim.id()));
  WaitFor([&] { return pool.Counts("d1").skipped() == 2; }, "expired messages");
  CHECK(agent.order().empty());
}

TEST_CASE("An inbound message is stored once, however often it comes") {
  testing::FakeClock clock;  // stands still: no heartbeat brings an ack
  AppOptions options;
  options.clock = &clock;
  TestPool pool(options);
  const v1::Sim sim = pool.AddSim("+4366400001");
  const std::string token = pool.Token(sim.id());
  const std::string events =
      "SELECT count(*) FROM sims.outbox WHERE encode(envelope, 'escape') LIKE '%InboundReceived%'";
  {
    TestAgent agent(pool.env.app().grpc_port(), token);
    agent.Write("m1", "+431", "Hi");
    agent.Write("m1", "+431", "Hi");
    agent.WaitForAck(agent.Write("m2", "+431", "Hi again"));
  }
  TestAgent agent(pool.env.app().grpc_port(), token);
  agent.WaitForAck(agent.Write("m1", "+431", "Hi"));
  CHECK(pool.Count(events) == 2);
  agent.WaitForAck(agent.Write("", "+431", "no id: dropped, and the stream goes on"));
  agent.WaitForAck(agent.Write("m3", "+431", std::string(100000, 'x')));
  CHECK(pool.Count(events) == 3);
}

TEST_CASE("What a SIM has written itself comes back as no message, also in a group") {
  TestPool pool;
  const v1::Sim sim = pool.AddSim("+4366400001");
  pool.AddSim("+4366400002");
  TestAgent agent(pool.env.app().grpc_port(), pool.Token(sim.id()));
  v1::AgentItem item;
  v1::Inbound& echo = *item.mutable_inbound();
  echo.set_provider_message_id("by phone");
  echo.set_sender_address("4366400001@c.us");
  echo.set_sender_phone("+4366400001");
  echo.set_group_id("Us");
  echo.mutable_content()->mutable_text()->set_body("Our answer");
  agent.Say({item});
  agent.Write("by address", "+4366400001", "Our answer");
  agent.WaitForAck(agent.Write("another's", "+4366400002", "Hi"));
  CHECK(pool.Count("SELECT count(*) FROM sims.inbound") == 1);
  CHECK(pool.Count("SELECT count(*) FROM sims.outbox WHERE encode(envelope, 'escape') LIKE "
                   "'%InboundReceived%'") == 1);
}

TEST_CASE("A newer agent of a SIM ends the older one; a wrong token is refused") {
  TestPool pool;
  const v1::Sim sim = pool.AddSim("+4366400001");
  const std::string token = pool.Token(sim.id());
  TestAgent older(pool.env.app().grpc_port(), token);
  WaitFor([&] { return older.welcome(); }, "the welcome");
  TestAgent newer(pool.env.app().grpc_port(), token);
  older.WaitForEnd();
  WaitFor([&] { return newer.welcome(); }, "the welcome");
  v1::GetSimRequest request;
  request.set_id(sim.id());
  CHECK(pool.sims.Call(&v1::SimService::Stub::GetSim, pool.caller, request)->online());
  newer.Drop();
  WaitFor(
      [&] {
        return !pool.sims.Call(&v1::SimService::Stub::GetSim, pool.caller, request)->online();
      },
      "offline");
  TestAgent stranger(pool.env.app().grpc_port(), "mo_agent_wrong");
  stranger.WaitForEnd();
  CHECK_FALSE(stranger.welcome());
}

TEST_CASE("Deliveries are listed by group and by contact") {
  TestPool pool;
  const v1::Sim sim = pool.AddSim("+4366400001");
  REQUIRE(pool.Submit(pool.Dispatch("d1", sim.id(), v1::LANE_BULK, 1, 25)).ok());
  REQUIRE(pool.Submit(pool.Dispatch("d2", sim.id(), v1::LANE_BULK, 10, 5)).ok());
  v1::ListGroupDeliveriesRequest by_group;
  by_group.set_group("d1");
  by_group.set_page_size(10);
  std::set<std::string> ids;
  int pages = 0;
  do {
    auto page = pool.dispatches.Call(&v1::DispatchService::Stub::ListGroupDeliveries, pool.caller,
                                     by_group);
    REQUIRE(page.ok());
    for (const auto& delivery : page->deliveries()) ids.insert(delivery.id());
    by_group.set_page_token(page->next_page_token());
    ++pages;
  } while (!by_group.page_token().empty());
  CHECK(pages == 3);
  CHECK(ids.size() == 25);
  v1::ListContactDeliveriesRequest by_contact;
  by_contact.set_contact_id(FormatId("con", 12));
  auto list = pool.dispatches.Call(&v1::DispatchService::Stub::ListContactDeliveries, pool.caller,
                                   by_contact);
  REQUIRE(list->deliveries_size() == 2);
  CHECK(list->deliveries(0).group() == "d2");
  CHECK(list->deliveries(0).content().text().body() == "Hello N2");
  CHECK(list->deliveries(1).content().text().body() == "Hello N11");
}

}  // namespace
}  // namespace mo::sims
