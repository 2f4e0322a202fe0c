// [.bench]: what one agent carries. Run with: simulator_test "[.bench]"
#include <sys/resource.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "tools/simulator/fake_gateway_test.h"
#include "tools/simulator/network.h"

namespace mo::simulator {
namespace {

double CpuSeconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

TEST_CASE("messages per second through one agent, three receipts each", "[.bench]") {
  constexpr int kPhones = 100000;
  constexpr int64_t kMessages = 3'000'000;
  constexpr int kCredit = 20000;
  constexpr int kBatch = 1000;
  FakeGateway::Options options;
  options.keep_items = false;
  int64_t results = 0, receipts = 0, allowed = kCredit;
  options.on_frame = [&](const sims::AgentFrame& frame) {
    for (const sims::AgentItem& item : frame.items()) {
      results += item.has_result();
      receipts += item.has_receipt();
    }
    allowed = results + kCredit;
  };
  FakeGateway gateway(options);
  Network network(1);
  Settings settings;
  settings.keep_messages = 0;
  network.world().settings.Set(settings);
  std::vector<std::string> addresses;
  std::vector<PhoneSpec> phones;
  for (int i = 0; i < kPhones; ++i) {
    addresses.push_back("4917" + std::to_string(1000000 + i));
    phones.push_back({common::NETWORK_WHATSAPP, addresses.back(), "", ""});
  }
  network.world().phones.Create(phones);
  AgentSpec spec;
  spec.network = common::NETWORK_WHATSAPP;
  spec.address = "+1";
  spec.token = "t";
  spec.gateway = gateway.address();
  spec.credit = kCredit;
  REQUIRE(network.AddAgent(spec).ok());
  REQUIRE(gateway.Wait([](const FakeGateway::Seen& seen) { return seen.open == 1; }));

  const absl::Time begin = absl::Now();
  const double cpu = CpuSeconds();
  for (int64_t sent = 0; sent < kMessages; sent += kBatch) {
    sims::GatewayItem item = TextBatch("x", 0, {});
    for (int64_t i = sent; i < sent + kBatch; ++i) {
      sims::SendMessage& message = *item.mutable_send()->add_messages();
      message.set_client_message_id(i + 1);
      message.set_address(addresses[static_cast<size_t>(i % kPhones)]);
    }
    REQUIRE(gateway.Wait([&](const auto&) { return sent + kBatch <= allowed; }));
    REQUIRE(gateway.Send("t", std::move(item)));
  }
  REQUIRE(gateway.Wait([&](const auto&) { return receipts == 3 * kMessages; }));
  const double seconds = absl::ToDoubleSeconds(absl::Now() - begin);
  WARN("messages/s: " << static_cast<int64_t>(kMessages / seconds)
                      << ", CPU-s of both sides: " << CpuSeconds() - cpu << " in " << seconds);
  CHECK(network.world().counters.credit_violations == 0);
  CHECK(gateway.Look().errors.empty());
  CHECK(network.world().phones.Report(0, "", 0, 0).histogram ==
        std::map<uint32_t, int64_t>{{kMessages / kPhones, kPhones}});
}

}  // namespace
}  // namespace mo::simulator
