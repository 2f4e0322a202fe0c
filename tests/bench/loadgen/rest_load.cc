#include "tests/bench/loadgen/rest_load.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <iostream>
#include <memory>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "libs/runtime/status.h"
#include "tests/bench/loadgen/schedule.h"

namespace mo::bench {
namespace {

// How long the last answers may take.
constexpr absl::Duration kDrain = absl::Seconds(5);

// The whole length of the response that a buffer begins with, or 0 while its head is incomplete.
size_t ResponseSize(absl::string_view bytes) {
  const size_t head = bytes.find("\r\n\r\n");
  if (head == absl::string_view::npos) return 0;
  size_t length = 0;
  for (const absl::string_view line : absl::StrSplit(bytes.substr(0, head), "\r\n")) {
    constexpr absl::string_view kLength = "content-length:";
    if (!absl::StartsWithIgnoreCase(line, kLength)) continue;
    (void)absl::SimpleAtoi(absl::StripAsciiWhitespace(line.substr(kLength.size())), &length);
  }
  return head + 4 + length;
}

// One connection; at most one request at a time.
struct Connection {
  explicit Connection(int socket) : fd(socket) {}
  ~Connection() { close(fd); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  const int fd;
  absl::Time due;
  std::string answer;
};

class Load {
 public:
  Load(const RestOptions& options, Latencies& latencies)
      : options_(options), latencies_(latencies), epoll_(epoll_create1(EPOLL_CLOEXEC)) {}
  ~Load() { close(epoll_); }

  absl::Status Run() {
    for (int i = 0; i < options_.connections; ++i) MO_RETURN_IF_ERROR(Connect());
    absl::Time end = absl::Now() + options_.duration;
    const bool open_loop = options_.rate > 0;
    Schedule schedule(open_loop ? options_.rate : 1);
    for (;;) {
      const absl::Time now = absl::Now();
      if (options_.stop != nullptr && *options_.stop) end = std::min(end, now);
      const bool over = now >= end;
      if (open_loop) {
        while (schedule.next() <= std::min(now, end)) due_.push_back(schedule.Take());
      }
      while (!idle_.empty() && (open_loop ? !due_.empty() : !over)) {
        absl::Time due = now;
        if (open_loop) {
          due = due_.front();
          due_.pop_front();
        }
        MO_RETURN_IF_ERROR(Ask(due));
      }
      if (over && due_.empty() && idle_.size() == connections_.size()) return absl::OkStatus();
      if (now > end + kDrain) return absl::DeadlineExceededError("answers are missing");
      absl::Time wake = over ? end + kDrain : end;
      if (open_loop && !over) wake = std::min(wake, schedule.next());
      MO_RETURN_IF_ERROR(Wait(wake - now));
    }
  }

 private:
  absl::Status Connect() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(options_.port));
    if (inet_pton(AF_INET, options_.host.c_str(), &address.sin_addr) != 1)
      return absl::InvalidArgumentError("the host must be an IPv4 address");
    auto connection = std::make_unique<Connection>(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (connect(connection->fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
      return absl::UnavailableError(absl::StrCat("connect: ", strerror(errno)));
    const int on = 1;
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = connection.get();
    epoll_ctl(epoll_, EPOLL_CTL_ADD, connection->fd, &event);
    idle_.push_back(connection.get());
    connections_.push_back(std::move(connection));
    return absl::OkStatus();
  }

  std::string NextRequest(absl::Time due) {
    const size_t count = options_.values.size();
    const std::string value = count == 0 ? "" : options_.values[number_ % count];
    RestOptions::Made made;
    if (options_.make) {
      made = options_.make(number_++);
    } else {
      made.body =
          absl::StrReplaceAll(options_.body, {{"{n}", absl::StrCat(++number_)},
                                              {"{due}", absl::StrCat(absl::ToUnixMicros(due))},
                                              {"{value}", value}});
    }
    const std::string& body = made.body;
    std::string request =
        absl::StrCat(options_.method, " ", options_.path, " HTTP/1.1\r\nHost: ", options_.host,
                     "\r\nAuthorization: Bearer ", options_.api_key, "\r\n", made.headers);
    if (!body.empty()) {
      absl::StrAppend(&request, "Content-Type: application/json\r\nContent-Length: ", body.size(),
                      "\r\n");
    }
    return absl::StrCat(request, "\r\n", body);
  }

  absl::Status Ask(absl::Time due) {
    // In turns, so that the server closes none as idle.
    Connection& connection = *idle_.front();
    idle_.pop_front();
    connection.due = due;
    connection.answer.clear();
    const std::string request = NextRequest(due);
    // Most requests fit into the empty socket's buffer; the server reads on of those that do not.
    for (size_t sent = 0; sent < request.size();) {
      const ssize_t size =
          send(connection.fd, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
      if (size <= 0) return absl::UnavailableError("the server has closed a connection");
      sent += static_cast<size_t>(size);
    }
    return absl::OkStatus();
  }

  absl::Status Wait(absl::Duration timeout) {
    epoll_event events[64];
    const timespec limit = absl::ToTimespec(std::max(timeout, absl::ZeroDuration()));
    const int ready = epoll_pwait2(epoll_, events, 64, &limit, nullptr);
    for (int i = 0; i < ready; ++i) {
      MO_RETURN_IF_ERROR(Read(*static_cast<Connection*>(events[i].data.ptr)));
    }
    return absl::OkStatus();
  }

  absl::Status Read(Connection& connection) {
    char buffer[16 << 10];
    const ssize_t size = recv(connection.fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    if (size <= 0) return absl::UnavailableError("the server has closed a connection");
    connection.answer.append(buffer, static_cast<size_t>(size));
    const size_t whole = ResponseSize(connection.answer);
    if (whole == 0 || connection.answer.size() < whole) return absl::OkStatus();
    if (absl::StartsWith(connection.answer, "HTTP/1.1 2") ||
        absl::StartsWith(connection.answer, "HTTP/1.1 302")) {
      latencies_.Add(absl::Now() - connection.due);
    } else {
      latencies_.AddError();
      if (!std::exchange(told_, true)) std::cerr << connection.answer << "\n";
    }
    idle_.push_back(&connection);
    return absl::OkStatus();
  }

  const RestOptions& options_;
  Latencies& latencies_;
  const int epoll_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::deque<Connection*> idle_;
  std::deque<absl::Time> due_;
  uint64_t number_ = 0;
  bool told_ = false;
};

}  // namespace

absl::Status RunRest(const RestOptions& options, Latencies& latencies) {
  return Load(options, latencies).Run();
}

}  // namespace mo::bench
