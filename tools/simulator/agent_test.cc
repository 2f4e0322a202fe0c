// Agents: their streams, acks, credit and what a dropped stream costs.
#include "tools/simulator/agent.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tools/simulator/agent_test.h"

namespace mo::simulator {
namespace {

const Outcomes kAccepted = {sims::SEND_OUTCOME_ACCEPTED};

TEST_CASE("a Hello, then results before receipts, and what the phone shows") {
  World1 w({}, true, 77);
  CHECK(w.gateway.Look().hello.credit() == 77);
  CHECK(w.gateway.Look().hello.idempotent());
  sims::GatewayItem item = TextBatch("Hallo {{0}}, {{1}}{{2}} 😀", 5, {"2001", "nobody"});
  item.mutable_send()->mutable_messages(0)->add_parameters("Jürg");
  item.mutable_send()->mutable_messages(0)->add_parameters("Grüße");
  REQUIRE(w.gateway.Send("t", item));
  REQUIRE(w.HasReceipts(5, kAllReceipts));
  const Seen seen = w.gateway.Look();
  CHECK(seen.Outcomes(5) == kAccepted);
  CHECK(seen.Outcomes(6) == Outcomes{sims::SEND_OUTCOME_ADDRESS_INVALID});
  CHECK(seen.Receipts(6).empty());
  for (const sims::AgentItem& i : seen.items) {
    if (i.has_receipt()) FAIL("a receipt before the result");
    if (!i.has_result()) continue;
    CHECK(i.result().provider_message_id() == "out-5");
    break;
  }
  const PhoneView view = w.network.world().phones.View(w.phone("2001"));
  CHECK(view.received == 1);
  REQUIRE(view.messages.size() == 1);
  CHECK(view.messages[0].text == "Hallo Jürg, Grüße{{2}} 😀");
  CHECK(view.messages[0].from == "+1000");
}

TEST_CASE("an idempotent agent answers a repeated Send without delivering it again") {
  const bool idempotent = GENERATE(true, false);
  World1 w({}, idempotent);
  w.Send("once", 9, {"2001"});
  REQUIRE(w.HasReceipts(9, kAllReceipts));
  REQUIRE(Eventually([&] { return w.agent().View().unacked == 0; }));  // no replay
  w.gateway.Drop("t");
  REQUIRE(w.gateway.Wait([](const Seen& seen) { return seen.attaches == 2 && seen.open == 1; }));
  w.Send("once", 9, {"2001"});
  REQUIRE(w.gateway.Wait([](const Seen& seen) { return seen.Outcomes(9).size() == 2; }));
  CHECK(w.gateway.Look().Outcomes(9) == Outcomes(2, sims::SEND_OUTCOME_ACCEPTED));
  const PhoneView view = w.network.world().phones.View(w.phone("2001"));
  CHECK(view.received == (idempotent ? 1 : 2));
  CHECK(view.distinct == 1);
  CHECK(w.network.world().counters.repeated == (idempotent ? 1 : 0));
}

TEST_CASE("what is not acked is said again after the stream has dropped, in order, and only that") {
  World1 w({.heartbeat_ms = 15000, .auto_ack = false, .on_frame = nullptr, .keep_items = true});
  const std::string first = w.Write("2001", "first");
  w.Send("x", 20, {"2002"});
  REQUIRE(w.HasReceipts(20, kAllReceipts));
  w.gateway.Drop("t");
  REQUIRE(w.gateway.Wait([&](const Seen& seen) { return InboundIds(seen).size() == 2; }));
  REQUIRE(w.gateway.Wait([](const Seen& seen) { return seen.Receipts(20).size() == 6; }));
  CHECK(InboundIds(w.gateway.Look()) == std::vector<std::string>(2, first));
  CHECK(w.gateway.Look().Outcomes(20) == Outcomes(2, sims::SEND_OUTCOME_ACCEPTED));
  CHECK(w.network.world().phones.View(w.phone("2002")).received == 1);

  w.gateway.Ack("t");
  REQUIRE(Eventually([&] { return w.agent().View().unacked == 0; }));
  w.agent().SetOnline(false);
  REQUIRE(w.gateway.Wait([](const Seen& seen) { return seen.open == 0; }));
  const std::string second = w.Write("2001", "second");
  const std::string third = w.Write("2001", "third");
  w.agent().SetOnline(true);
  REQUIRE(w.gateway.Wait([](const Seen& seen) { return InboundIds(seen).size() == 4; }));
  CHECK(InboundIds(w.gateway.Look()) == std::vector<std::string>{first, first, second, third});
  CHECK(w.gateway.Look().Receipts(20).size() == 6);
}

TEST_CASE("acks come by themselves, heartbeats too, and credit is watched") {
  World1 w({.heartbeat_ms = 90, .auto_ack = true, .on_frame = nullptr, .keep_items = true}, true,
           2);
  const int64_t begin = NowMs();
  sims::GatewayItem quiet;  // an item that nothing answers
  quiet.mutable_leave_group()->set_group_id("none");
  REQUIRE(w.gateway.Send("t", quiet));
  REQUIRE(w.gateway.Wait([](const Seen& seen) { return seen.ack >= 2; }));
  CHECK(NowMs() - begin < 2000);
  const int frames = w.gateway.Look().frames;
  REQUIRE(w.gateway.Wait([&](const Seen& seen) { return seen.frames >= frames + 3; }));

  w.Send("a", 71, {"2001", "2002"});
  REQUIRE(w.HasReceipts(72, kAllReceipts));
  w.Send("a", 73, {"2001", "2002"});
  REQUIRE(w.HasReceipts(74, kAllReceipts));
  CHECK(w.network.world().counters.credit_violations == 0);
  CHECK(w.agent().View().in_flight == 0);
  w.Send("a", 75, {"2001", "2002", "2003"});
  REQUIRE(w.HasReceipts(77, kAllReceipts));
  CHECK(w.network.world().counters.credit_violations == 1);
  w.agent().SetCredit(3);
  REQUIRE(w.gateway.Wait([](const Seen& seen) {
    return !seen.items.empty() && seen.items.back().credit().credit() == 3;
  }));
}

TEST_CASE("a closed agent is gone, a dropped one is not") {
  World1 w;
  w.agent().Disconnect();
  REQUIRE(w.gateway.Wait([](const Seen& seen) { return seen.attaches == 2 && seen.open == 1; }));
  AgentSpec again = w.agent().spec();
  CHECK(w.network.AddAgent(again).code() == absl::StatusCode::kAlreadyExists);
  REQUIRE(w.network.RemoveAgent(kWhatsApp, "+1000").ok());
  REQUIRE(w.gateway.Wait([](const Seen& seen) { return seen.open == 0; }));
  REQUIRE(w.network.AddAgent(again).ok());
  REQUIRE(w.gateway.Wait([](const Seen& seen) { return seen.attaches == 3 && seen.open == 1; }));
}

TEST_CASE(
    "thousands of phones, batches in several frames, streams dropped on the way: exact counts") {
  World1 w;
  Settings settings;
  settings.keep_messages = 0;
  w.network.world().settings.Set(settings);
  std::vector<PhoneSpec> phones;
  std::vector<std::string> addresses;
  for (int i = 0; i < 5000; ++i) {
    addresses.push_back("49" + std::to_string(10000 + i));
    phones.push_back({kWhatsApp, addresses.back(), "", ""});
  }
  CHECK(w.network.world().phones.Create(phones) == 5000);
  CHECK(w.network.world().phones.Create(phones) == 0);
  // Sends everything whose result has not come, again after every drop, as a gateway does.
  std::set<int64_t> settled;
  for (int round = 0; settled.size() < addresses.size(); ++round) {
    REQUIRE(round < 20);
    sims::GatewayItem item = TextBatch("x", 0, {});
    for (size_t i = 0; i < addresses.size(); ++i) {
      if (settled.count(static_cast<int64_t>(i + 1)) > 0) continue;
      sims::SendMessage& message = *item.mutable_send()->add_messages();
      message.set_client_message_id(static_cast<int64_t>(i + 1));
      message.set_address(addresses[i]);
    }
    REQUIRE(w.gateway.Send("t", item));
    const size_t want = std::min(addresses.size(), settled.size() + 1500);
    REQUIRE(w.gateway.Wait([&](const Seen& seen) {
      for (const auto& i : seen.items) {
        if (i.has_result()) settled.insert(i.result().client_message_id());
      }
      return settled.size() >= want;
    }));
    const int attaches = w.gateway.Look().attaches;
    w.gateway.Drop("t");
    REQUIRE(w.gateway.Wait(
        [&](const Seen& seen) { return seen.attaches > attaches && seen.open == 1; }));
  }
  const PhoneReport report = w.network.world().phones.Report(kWhatsApp, "49", 0, 10);
  CHECK(report.histogram == std::map<uint32_t, int64_t>{{1, 5000}});
  CHECK(report.duplicates == 0);
  CHECK(report.rows.size() == 10);
  CHECK(report.rows[0].phone->address == "4910000");
  CHECK(w.network.world().phones.Totals().distinct == 5000);
}

}  // namespace
}  // namespace mo::simulator
