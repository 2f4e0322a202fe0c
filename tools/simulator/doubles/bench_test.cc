// [.bench]: what a double carries. Run with: simulator_test "[.bench]"
#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "tools/simulator/doubles/double_test.h"

namespace mo::simulator {
namespace {

double CpuSeconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

// A client that costs next to nothing: requests go out many at once, answers are only counted.
class Pipeline {
 public:
  explicit Pipeline(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  }
  ~Pipeline() { ::close(socket_); }

  void Send(const std::string& requests) {
    for (size_t sent = 0; sent < requests.size();) {
      const ssize_t n = ::send(socket_, requests.data() + sent, requests.size() - sent, 0);
      REQUIRE(n > 0);
      sent += static_cast<size_t>(n);
    }
  }
  // Waits for so many 200s; anything else would never be enough.
  void Await(int answers) {
    char buffer[1 << 16];
    while (answers > 0) {
      const ssize_t n = ::recv(socket_, buffer, sizeof(buffer), 0);
      REQUIRE(n > 0);
      text_.append(buffer, static_cast<size_t>(n));
      for (size_t at; (at = text_.find(" 200 OK")) != std::string::npos;) {
        text_.erase(0, at + 7);
        --answers;
      }
      if (text_.size() > 7) text_.erase(0, text_.size() - 7);
    }
  }

 private:
  const int socket_;
  std::string text_;
};

TEST_CASE("sends per second to the double of WhatsApp, three statuses each", "[.bench]") {
  constexpr int kPhones = 100'000, kSends = 400'000, kBatch = 100;
  DoubleWorld world;
  Customer customer;
  world.Control("POST", "/settings", {{"keep_messages", 0}});
  world.Control(
      "POST", "/phones",
      {{"network", "WHATSAPP"}, {"address", "+43664"}, {"first", 1000000}, {"count", kPhones}});
  world.Control(
      "POST", "/doubles",
      {{"driver", "whatsapp_cloud"},
       {"address", "+1"},
       {"sender_id", "1"},
       {"token", "t"},
       {"app_secret", "s"},
       {"callback_url", customer.url()},
       {"limits", {{"messages_per_second", 0}, {"pair_interval_ms", 0}, {"window_ms", 0}}}});
  const std::string origin = world.origin();
  Pipeline pipeline(std::stoi(origin.substr(origin.rfind(':') + 1)));
  const absl::Time begin = absl::Now();
  const double cpu = CpuSeconds();
  for (int sent = 0; sent < kSends; sent += kBatch) {
    std::string requests;
    for (int i = sent; i < sent + kBatch; ++i) {
      const std::string body = absl::StrCat(
          R"({"messaging_product":"whatsapp","recipient_type":"individual","to":"+43664)",
          1000000 + i % kPhones,
          R"(","type":"text","text":{"body":"Hallo Welt","preview_url":false},)",
          R"("biz_opaque_callback_data":"mo:)", i + 1, "\"}");
      absl::StrAppend(
          &requests,
          "POST /whatsapp/v25.0/1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t"
          "\r\nContent-Type: application/json\r\nContent-Length: ",
          body.size(), "\r\n\r\n", body);
    }
    pipeline.Send(requests);
    pipeline.Await(kBatch);
  }
  const double seconds = absl::ToDoubleSeconds(absl::Now() - begin);
  WARN("sends/s: " << static_cast<int>(kSends / seconds)
                   << ", CPU-s of both sides: " << CpuSeconds() - cpu << " in " << seconds);
  const auto taken = [&] {
    const json one = world.Control("GET", "/doubles")["doubles"][0];
    return one["receipts"] == 3 * kSends && one["callbacks"]["waiting"] == 0 && one["open"] == 0;
  };
  testing::WaitFor(taken, "all statuses to be taken", absl::Seconds(60));
  WARN("statuses taken after " << absl::ToDoubleSeconds(absl::Now() - begin)
                               << " s, CPU-s of all: " << CpuSeconds() - cpu);
  CHECK(world.network.world().phones.Report(0, "+43664", 0, 0).histogram ==
        std::map<uint32_t, int64_t>{{kSends / kPhones, kPhones}});
}

}  // namespace
}  // namespace mo::simulator
