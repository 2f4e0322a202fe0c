#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "libs/http/raw_client_test.h"
#include "libs/http/server.h"

namespace mo::http {
namespace {

using Catch::Contains;
using Catch::EndsWith;
using Catch::StartsWith;

constexpr char kGet[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

// A server that opens a stream for the one request it gets and hands it to the test.
class StreamServer {
 public:
  explicit StreamServer(ServerOptions options = {})
      : test_(
            [this](Request, Responder responder) {
              stream_ = responder.StartStream(200, {{"Content-Type", "text/event-stream"}});
              stream_.OnClose([this] { closed_.Notify(); });
              opened_.Notify();
            },
            std::move(options)) {}

  int port() const { return test_.server.port(); }
  Server& server() { return test_.server; }
  Stream& stream() {
    REQUIRE(opened_.WaitForNotificationWithTimeout(kTestDeadline));
    return stream_;
  }
  bool Closed() { return closed_.WaitForNotificationWithTimeout(kTestDeadline); }

 private:
  Stream stream_;
  absl::Notification opened_, closed_;
  TestServer test_;
};

TEST_CASE("a stream that is broken off has no end, and a writer learns when it is drained") {
  StreamServer test;
  RawClient client(test.port());
  client.Send(kGet);
  client.ReadUntil("\r\n\r\n");
  absl::Notification drained;
  CHECK(test.stream().Write("last"));
  test.stream().OnDrained([&] { drained.Notify(); });
  REQUIRE(drained.WaitForNotificationWithTimeout(kTestDeadline));
  CHECK(test.stream().queued() == 0);
  test.stream().Abort();
  CHECK_FALSE(test.stream().Write("more"));
  CHECK(client.ReadToEnd() == "4\r\nlast\r\n");
  REQUIRE(test.Closed());
  bool called = false;
  test.stream().OnDrained([&] { called = true; });
  CHECK(called);
}

TEST_CASE("a stream's chunks arrive as they are written, and then its end") {
  StreamServer test;
  RawClient client(test.port());
  client.Send(kGet);
  CHECK_THAT(client.ReadUntil("\r\n\r\n"), StartsWith("HTTP/1.1 200 OK\r\n") &&
                                               Contains("Transfer-Encoding: chunked\r\n") &&
                                               Contains("Content-Type: text/event-stream\r\n"));
  CHECK(test.stream().Write("data: 1\n\n"));
  CHECK(client.ReadUntil("\n\n\r\n") == "9\r\ndata: 1\n\n\r\n");
  CHECK(test.stream().Write(std::string(0x1234, 'x')));
  CHECK(client.ReadUntil("x\r\n") == "1234\r\n" + std::string(0x1234, 'x') + "\r\n");
  CHECK(test.stream().Write("last"));
  test.stream().Close();
  CHECK_FALSE(test.stream().Write("more"));
  CHECK(client.ReadToEnd() == "4\r\nlast\r\n0\r\n\r\n");
  CHECK(test.Closed());
}

TEST_CASE("writes from several threads are all sent, none torn") {
  StreamServer test;
  RawClient client(test.port());
  client.Send(kGet);
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&, stream = test.stream(), w]() mutable {
      for (int i = 0; i < 500; ++i) stream.Write(absl::StrCat("<", w, ">"));
    });
  }
  for (std::thread& writer : writers) writer.join();
  test.stream().Close();
  client.ReadUntil("\r\n\r\n");
  const std::string body = client.ReadToEnd();
  for (int w = 0; w < 4; ++w) {
    const std::string mark = absl::StrCat("<", w, ">");
    int count = 0;
    // Chunk boundaries fall between writes only, so every mark is whole.
    for (size_t at = 0; (at = body.find(mark, at)) != std::string::npos; ++at) ++count;
    CHECK(count == 500);
  }
  CHECK_THAT(body, EndsWith("\r\n0\r\n\r\n"));
}

TEST_CASE("a client that leaves is noticed, without a write") {
  StreamServer test;
  RawClient client(test.port());
  client.Send(kGet);
  test.stream().Write("hello");
  client.ReadUntil("hello");
  SECTION("by closing") { client.Close(); }
  SECTION("by a reset") { client.Reset(); }
  CHECK(test.Closed());
  CHECK_FALSE(test.stream().Write("anyone?"));
}

TEST_CASE("a client that does not read is disconnected when 1 MiB waits for it") {
  StreamServer test;
  RawClient client(test.port());
  client.Send(kGet);
  Stream& stream = test.stream();
  // The kernel's buffers take some megabytes first.
  bool refused = false;
  for (int i = 0; i < 100'000 && !refused; ++i) refused = !stream.Write(std::string(64 << 10, 'x'));
  CHECK(refused);
  CHECK(test.Closed());
  CHECK_FALSE(stream.Write("x"));
}

TEST_CASE("an idle stream outlives every timeout") {
  ServerOptions options;
  options.idle_timeout = options.request_timeout = absl::Milliseconds(20);
  StreamServer test(options);
  RawClient client(test.port());
  client.Send(kGet);
  test.stream().Write("1");
  client.ReadUntil("1\r\n1\r\n");
  // Another connection runs into its timeout meanwhile.
  RawClient other(test.port());
  CHECK(other.ReadToEnd().empty());
  CHECK(test.stream().Write("2"));
  CHECK(client.ReadUntil("2\r\n") == "1\r\n2\r\n");
}

TEST_CASE("HTTP/1.0 gets a stream without chunks, HEAD only its headers") {
  StreamServer test;
  RawClient client(test.port());
  SECTION("HTTP/1.0") {
    client.Send("GET / HTTP/1.0\r\n\r\n");
    test.stream().Write("ab");
    test.stream().Close();
    CHECK_THAT(client.ReadToEnd(), !Contains("chunked") && EndsWith("\r\n\r\nab"));
  }
  SECTION("HEAD") {
    client.Send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK_THAT(client.ReadToEnd(), EndsWith("\r\n\r\n"));
  }
  CHECK(test.Closed());
}

TEST_CASE("a stream nobody holds any more is closed") {
  TestServer test([](Request, Responder responder) {
    Stream stream = responder.StartStream(200, {});
    stream.Write("short");
  });
  RawClient client(test.server.port());
  client.Send(kGet);
  CHECK_THAT(client.ReadToEnd(), EndsWith("5\r\nshort\r\n0\r\n\r\n"));
}

TEST_CASE("Stop ends streams in order and tells their owners") {
  StreamServer test;
  RawClient client(test.port());
  client.Send(kGet);
  test.stream().Write("news");
  test.server().Stop(kTestDeadline);
  CHECK(test.Closed());
  CHECK_THAT(client.ReadToEnd(), EndsWith("4\r\nnews\r\n0\r\n\r\n"));
  // A callback that comes too late is called at once.
  bool called = false;
  test.stream().OnClose([&] { called = true; });
  CHECK(called);
}

}  // namespace
}  // namespace mo::http
