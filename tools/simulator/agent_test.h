// What the tests of agents share: they run against a gateway over real gRPC.
#pragma once

#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "tools/simulator/fake_gateway_test.h"
#include "tools/simulator/network.h"

namespace mo::simulator {

using Seen = FakeGateway::Seen;
using Outcomes = std::vector<sims::SendOutcome>;
using States = std::vector<sims::ReceiptState>;

inline constexpr auto kWhatsApp = common::NETWORK_WHATSAPP;
inline const States kAllReceipts = {sims::RECEIPT_STATE_SENT, sims::RECEIPT_STATE_DELIVERED,
                                    sims::RECEIPT_STATE_READ};

// Waits for something of the simulator itself.
inline bool Eventually(const std::function<bool()>& condition) {
  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  while (!condition()) {
    if (absl::Now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

// A gateway and a simulator with one agent, SIM +1000 with token "t", and phones 2001 to 2003.
struct World1 {
  explicit World1(FakeGateway::Options options = {}, bool idempotent = true, int credit = 1000)
      : gateway(std::move(options)) {
    std::vector<PhoneSpec> phones;
    for (const char* address : {"2001", "2002", "2003"}) {
      phones.push_back({kWhatsApp, address, "", ""});
    }
    network.world().phones.Create(phones);
    AgentSpec spec;
    spec.network = kWhatsApp;
    spec.address = "+1000";
    spec.token = "t";
    spec.gateway = gateway.address();
    spec.agent_id = "one";
    spec.idempotent = idempotent;
    spec.credit = credit;
    REQUIRE(network.AddAgent(spec).ok());
    REQUIRE(gateway.Wait([](const Seen& seen) { return seen.open == 1; }));
  }
  ~World1() { CHECK(gateway.Look().errors.empty()); }

  Phone& phone(const char* address) { return **network.world().phones.Find(kWhatsApp, address); }
  Agent& agent() { return **network.FindAgent(kWhatsApp, "+1000"); }
  void Send(const std::string& text, int64_t key, const std::vector<std::string>& addresses) {
    REQUIRE(gateway.Send("t", TextBatch(text, key, addresses)));
  }
  bool HasReceipts(int64_t key, const States& states) {
    return gateway.Wait([&](const Seen& seen) { return seen.Receipts(key) == states; });
  }
  std::string Write(const char* phone_address, const std::string& text) {
    Writing writing;
    writing.to = "+1000";
    writing.content.mutable_text()->set_body(text);
    auto id = network.Write(phone(phone_address), writing);
    REQUIRE(id.ok());
    return *id;
  }

  FakeGateway gateway;
  Network network{7};
};

// The ids of what phones have written, in order of arrival.
inline std::vector<std::string> InboundIds(const Seen& seen) {
  std::vector<std::string> ids;
  for (const sims::AgentItem& item : seen.items) {
    if (item.has_inbound()) ids.push_back(item.inbound().provider_message_id());
  }
  return ids;
}

}  // namespace mo::simulator
