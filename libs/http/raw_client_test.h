// A client on a bare socket for the tests: it can send what no library would.
#ifndef MESSAGEORGANIZER_LIBS_HTTP_RAW_CLIENT_TEST_H_
#define MESSAGEORGANIZER_LIBS_HTTP_RAW_CLIENT_TEST_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/http/server.h"

namespace mo::http {

constexpr absl::Duration kTestDeadline = absl::Seconds(10);

class RawClient {
 public:
  explicit RawClient(int port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawClient() { Close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }

  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

  // Makes close() send a reset, as a client that crashed.
  void Reset() {
    const linger now{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    Close();
  }

  // False when the server has closed.
  bool Send(absl::string_view text) {
    while (!text.empty()) {
      const ssize_t n = send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      text.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }

  // Reads at least one byte more; false at the end of the connection or the test's deadline.
  bool ReadMore() {
    pollfd waiting{fd_, POLLIN, 0};
    const auto time = static_cast<int>(absl::ToInt64Milliseconds(kTestDeadline));
    if (poll(&waiting, 1, time) != 1) {
      timed_out_ = true;
      return false;
    }
    char bytes[16384];
    const ssize_t n = recv(fd_, bytes, sizeof bytes, 0);
    if (n <= 0) return false;
    received_.append(bytes, static_cast<size_t>(n));
    return true;
  }

  // Everything up to and with `mark`, taken off what was received.
  std::string ReadUntil(absl::string_view mark) {
    size_t at;
    while ((at = received_.find(std::string(mark))) == std::string::npos) {
      if (!ReadMore()) return Take(received_.size());
    }
    return Take(at + mark.size());
  }

  // A head, and the body its Content-Length announces.
  std::string ReadResponse(bool with_body = true) {
    std::string head = ReadUntil("\r\n\r\n");
    const size_t at = head.find("Content-Length: ");
    if (!with_body || at == std::string::npos) return head;
    const auto length = static_cast<size_t>(std::atoll(head.c_str() + at + 16));
    while (received_.size() < length && ReadMore()) {
    }
    return head + Take(std::min(length, received_.size()));
  }

  // Everything until the server closes; a failure if it does not.
  std::string ReadToEnd() {
    while (ReadMore()) {
    }
    CHECK_FALSE(timed_out_);
    return Take(received_.size());
  }

 private:
  std::string Take(size_t n) {
    std::string taken = received_.substr(0, n);
    received_.erase(0, n);
    return taken;
  }

  int fd_;
  bool connected_ = false;
  bool timed_out_ = false;
  std::string received_;
};

// A started server.
struct TestServer {
  explicit TestServer(Handler handler, ServerOptions options = {})
      : server(std::move(options), std::move(handler)) {
    const absl::Status status = server.Start();
    INFO(status);
    REQUIRE(status.ok());
  }
  std::string Url(absl::string_view path) const {
    return "http://127.0.0.1:" + std::to_string(server.port()) + std::string(path);
  }
  Server server;
};

// True as soon as `condition` holds, false if it does not within the test's deadline.
template <typename Condition>
bool Eventually(Condition condition) {
  const absl::Time deadline = absl::Now() + kTestDeadline;
  while (!condition()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(1));
  }
  return true;
}

}  // namespace mo::http

#endif  // MESSAGEORGANIZER_LIBS_HTTP_RAW_CLIENT_TEST_H_
