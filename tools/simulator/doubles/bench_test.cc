// [.bench]: what a double carries. Run with: simulator_test "[.bench]"
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/testing/process.h"
#include "tools/simulator/doubles/double_test.h"

namespace mo::simulator {
namespace {

// The simulator as it is shipped: this test's own code is not optimised, and what it instantiates
// of templates would be linked into the doubles.
class Shipped {
 public:
  Shipped() {
    testing::WaitFor([&] { return Port() > 0; }, "the simulator to start");
  }
  int Port() const {
    std::ifstream log(folder_.path() + "/log");
    const std::string text{std::istreambuf_iterator<char>(log), {}};
    const size_t at = text.rfind(':');
    return at == std::string::npos ? 0 : std::atoi(text.c_str() + at + 1);
  }
  // Of user and system, so far.
  double CpuSeconds() const {
    std::ifstream stat(absl::StrCat("/proc/", process_.pid(), "/stat"));
    const std::string text{std::istreambuf_iterator<char>(stat), {}};
    const std::vector<std::string> fields = absl::StrSplit(text.substr(text.rfind(')') + 2), ' ');
    return (std::stod(fields[11]) + std::stod(fields[12])) /
           static_cast<double>(::sysconf(_SC_CLK_TCK));
  }
  json Control(const std::string& method, const std::string& path, const json& body = {}) {
    http::ClientRequest request;
    request.method = method;
    request.url = absl::StrCat("http://127.0.0.1:", Port(), path);
    request.body = body.is_null() ? "" : body.dump();
    request.allow_private = true;
    const auto response = client_.Fetch(request);
    REQUIRE(response.ok());
    REQUIRE(response->status == 200);
    return json::parse(response->body);
  }

 private:
  testing::TempFolder folder_;
  testing::Process process_{
      {absl::StrCat(std::getenv("MO_BUILD_DIR"), "/mo-simulator"), "--keep_messages=0"},
      folder_.path() + "/log"};
  http::Client client_;
};

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
      if (n <= 0) FAIL("the connection ended");
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
  constexpr int kPhones = 100'000, kSends = 200'000, kBatch = 100;
  Shipped world;
  http::Server customer({}, [](const http::Request& request, const http::Responder& responder) {
    http::Response response;
    for (const auto& [key, value] : http::ParseQuery(request.query)) {
      if (key == "hub.challenge") response.body = value;
    }
    responder.Send(std::move(response));
  });
  REQUIRE(customer.Start().ok());
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
       {"callback_url", absl::StrCat("http://127.0.0.1:", customer.port(), "/")},
       {"limits", {{"messages_per_second", 0}, {"pair_interval_ms", 0}, {"window_ms", 0}}}});
  Pipeline pipeline(world.Port());
  const absl::Time begin = absl::Now();
  const double cpu = world.CpuSeconds();
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
  WARN("sends/s: " << static_cast<int>(kSends / seconds));
  const auto taken = [&] {
    const json one = world.Control("GET", "/doubles")["doubles"][0];
    return one["receipts"] == 3 * kSends && one["callbacks"]["waiting"] == 0 && one["open"] == 0;
  };
  testing::WaitFor(taken, "all statuses to be taken", absl::Seconds(60));
  WARN("statuses taken after " << absl::ToDoubleSeconds(absl::Now() - begin)
                               << " s; sends per CPU-second of the simulator: "
                               << static_cast<int>(kSends / (world.CpuSeconds() - cpu)));
  CHECK(world.Control("GET", "/report?prefix=%2B43664&page_size=0")["histogram"] ==
        json{{std::to_string(kSends / kPhones), kPhones}});
}

}  // namespace
}  // namespace mo::simulator
