#include "tests/bench/loadgen/whatsapp_double.h"

#include <utility>  // before Asio 1.74, which forgets it in C++20
// Asio and Beast after it.
#include <bitset>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <istream>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <thread>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace mo::bench {
namespace {

namespace net = boost::asio;
namespace http = boost::beast::http;
using Tcp = net::ip::tcp;
using ErrorCode = boost::system::error_code;

constexpr int kIndexBits = 10;  // of a delivery key

// The text between `before` and the next quote, "" if there is none.
absl::string_view Between(absl::string_view text, absl::string_view before) {
  const size_t at = text.find(before);
  if (at == absl::string_view::npos) return "";
  text.remove_prefix(at + before.size());
  return text.substr(0, text.find('"'));
}

// What was sent.
class Sent {
 public:
  void Add(uint64_t key) {
    const absl::Time now = absl::Now();
    if (requests_++ == 0) first_ = now;
    last_ = now;
    auto dispatch = keys_[key >> kIndexBits][key & ((1 << kIndexBits) - 1)];
    ++(dispatch ? duplicates_ : different_);
    dispatch = true;
  }
  void Malformed() { ++malformed_; }

  // What it was since the last time.
  std::string Next() {
    std::string json = absl::StrFormat(
        R"({"requests":%d,"keys":%d,"duplicates":%d,"malformed":%d,"first":%.6f,"last":%.6f})",
        requests_, different_, duplicates_, malformed_, Seconds(first_), Seconds(last_));
    *this = {};
    return json;
  }

 private:
  static double Seconds(absl::Time time) { return absl::ToDoubleSeconds(time - absl::UnixEpoch()); }

  absl::flat_hash_map<uint64_t, std::bitset<1 << kIndexBits>> keys_;  // by dispatch
  int64_t requests_ = 0, different_ = 0, duplicates_ = 0, malformed_ = 0;
  absl::Time first_ = absl::UnixEpoch(), last_ = absl::UnixEpoch();
};

// One connection: a request, its answer, the next one.
class Peer : public std::enable_shared_from_this<Peer> {
 public:
  Peer(Tcp::socket socket, Sent& sent) : socket_(std::move(socket)), sent_(sent) {
    socket_.set_option(Tcp::no_delay(true));
  }

  void Read() {
    parser_.emplace();
    http::async_read(socket_, buffer_, *parser_,
                     [self = shared_from_this()](ErrorCode error, size_t) {
                       if (!error) self->Answer();
                     });
  }

 private:
  void Answer() {
    const std::string& body = parser_->get().body();
    const absl::string_view to = Between(body, R"("to":"+)");
    uint64_t key = 0;
    if (to.empty() ||
        !absl::SimpleAtoi(Between(body, R"("biz_opaque_callback_data":"mo:)"), &key)) {
      sent_.Malformed();
    }
    sent_.Add(key);
    // As long as the real one, with an id of its own for each message.
    const std::string answer = absl::StrCat(
        R"({"messaging_product":"whatsapp","contacts":[{"input":"+)", to, R"(","wa_id":")", to,
        R"("}],"messages":[{"id":"wamid.HBgNNDM2NjQxMjM0NTY3OBUCABEYEjBGNDk3OEYyREM2)", key,
        R"("}]})");
    out_ = absl::StrCat(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\n"
        "Content-Length: ",
        answer.size(), "\r\n\r\n", answer);
    net::async_write(socket_, net::buffer(out_),
                     [self = shared_from_this()](ErrorCode error, size_t) {
                       if (!error) self->Read();
                     });
  }

  Tcp::socket socket_;
  Sent& sent_;
  boost::beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::string out_;
};

void Accept(Tcp::acceptor& acceptor, Sent& sent) {
  acceptor.async_accept([&](ErrorCode error, Tcp::socket socket) {
    if (error) return;
    std::make_shared<Peer>(std::move(socket), sent)->Read();
    Accept(acceptor, sent);
  });
}

}  // namespace

absl::Status RunWhatsAppDouble(const std::string& host, int port, std::istream& lines,
                               std::ostream& json) {
  net::io_context context{1};
  Sent sent;
  try {
    Tcp::acceptor acceptor(context,
                           Tcp::endpoint(net::ip::make_address(host), static_cast<uint16_t>(port)));
    Accept(acceptor, sent);
    std::thread reader([&] {
      std::string line;
      while (std::getline(lines, line))
        net::post(context, [&] { json << sent.Next() << std::endl; });
      net::post(context, [&] { context.stop(); });
    });
    context.run();
    reader.join();
  } catch (const boost::system::system_error& error) {
    return absl::UnavailableError(error.what());
  }
  return absl::OkStatus();
}

}  // namespace mo::bench
