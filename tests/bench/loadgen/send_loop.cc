#include "tests/bench/loadgen/send_loop.h"

#include <sys/resource.h>

#include <utility>  // before Asio 1.74, which forgets it in C++20
// Asio and Beast after it.
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace mo::bench {
namespace {

namespace net = boost::asio;
namespace http = boost::beast::http;
using Tcp = net::ip::tcp;
using ErrorCode = boost::system::error_code;

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// What all connections share.
struct SendState {
  const SendLoopOptions& options;
  int begun = 0;
  int taken = 0;
  std::string error = {};
};

class SendingPeer {
 public:
  SendingPeer(net::io_context& context, SendState& loop) : socket_(context), loop_(loop) {
    socket_.connect(
        {net::ip::make_address(loop.options.host), static_cast<uint16_t>(loop.options.port)});
    socket_.set_option(Tcp::no_delay(true));
    request_ = {http::verb::post, loop.options.path, 11};
    request_.set(http::field::host, absl::StrCat(loop.options.host, ":", loop.options.port));
    request_.set(http::field::authorization, absl::StrCat("Bearer ", loop.options.access_token));
    request_.set(http::field::content_type, "application/json");
    request_.set(http::field::user_agent, "messageorganizer");
  }

  void Send() {
    if (loop_.begun == loop_.options.messages || !loop_.error.empty()) return;
    const int number = loop_.begun++;
    request_.body() =
        absl::StrCat(R"({"messaging_product":"whatsapp","recipient_type":"individual","to":"+43)",
                     6600000000 + number, R"(","type":"text","text":{"body":"Hello N)", number,
                     R"(, this is what we wanted to tell all of you today.","preview_url":false},)",
                     R"("biz_opaque_callback_data":"mo:)", number, "\"}");
    request_.prepare_payload();
    http::async_write(socket_, request_, [this](ErrorCode error, size_t) {
      if (error) return Fail(error.message());
      Receive();
    });
  }

 private:
  void Receive() {
    response_ = {};
    http::async_read(socket_, buffer_, response_, [this](ErrorCode error, size_t) {
      if (error) return Fail(error.message());
      if (response_.result_int() != 200) return Fail(absl::StrCat(response_.result_int()));
      ++loop_.taken;
      Send();
    });
  }
  void Fail(const std::string& error) { loop_.error = error; }

  Tcp::socket socket_;
  SendState& loop_;
  boost::beast::flat_buffer buffer_;
  http::request<http::string_body> request_;
  http::response<http::string_body> response_;
};

}  // namespace

absl::StatusOr<std::string> RunSendLoop(const SendLoopOptions& options) {
  SendState loop{.options = options};
  net::io_context context{1};
  try {
    std::vector<std::unique_ptr<SendingPeer>> connections;
    for (int i = 0; i < options.connections; ++i)
      connections.push_back(std::make_unique<SendingPeer>(context, loop));
    const double cpu = CpuSeconds();
    const absl::Time start = absl::Now();
    for (const auto& connection : connections) connection->Send();
    context.run();
    if (!loop.error.empty()) return absl::UnavailableError(loop.error);
    return absl::StrFormat(R"({"messages":%d,"seconds":%.6f,"loop_cpu_s":%.6f})", loop.taken,
                           absl::ToDoubleSeconds(absl::Now() - start), CpuSeconds() - cpu);
  } catch (const boost::system::system_error& error) {
    return absl::UnavailableError(error.what());
  }
}

}  // namespace mo::bench
