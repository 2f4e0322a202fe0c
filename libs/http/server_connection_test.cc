// How long connections live, and how the server starts and stops.
#include <catch2/catch.hpp>
#include <functional>
#include <thread>

#include "absl/strings/match.h"
#include "libs/http/raw_client_test.h"
#include "libs/http/server.h"
#include "libs/http/server_test.h"

namespace mo::http {
namespace {

using Catch::Contains;
using Catch::EndsWith;
using Catch::StartsWith;

TEST_CASE("who asks for a closed connection gets it") {
  TestServer test(Echo);
  SECTION("HTTP/1.1 close") {
    RawClient client(test.server.port());
    client.Send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    CHECK_THAT(client.ReadToEnd(), Contains("Connection: close\r\n") && EndsWith("127.0.0.1"));
  }
  SECTION("HTTP/1.0") {
    RawClient client(test.server.port());
    client.Send("GET / HTTP/1.0\r\n\r\n");
    CHECK_THAT(client.ReadToEnd(), StartsWith("HTTP/1.1 200") && EndsWith("127.0.0.1"));
  }
  SECTION("HTTP/1.0 keep-alive") {
    RawClient client(test.server.port());
    client.Send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK_THAT(client.ReadResponse(), Contains("Connection: keep-alive\r\n"));
    client.Send("GET /again HTTP/1.0\r\n\r\n");
    CHECK_THAT(client.ReadToEnd(), EndsWith("GET /again? [] from 127.0.0.1"));
  }
}

TEST_CASE("a request may take longer than any timeout to be answered") {
  ServerOptions options;
  options.idle_timeout = absl::Milliseconds(20);
  options.request_timeout = absl::Milliseconds(20);
  Held held;
  TestServer test(std::ref(held), options);
  RawClient client(test.server.port());
  client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  Responder responder = held.Next();
  // Another connection runs into its timeout meanwhile, which shows that the deadlines are being
  // checked.
  RawClient other(test.server.port());
  CHECK(other.ReadToEnd().empty());
  responder.Send({200, {}, "late"});
  CHECK_THAT(client.ReadResponse(), EndsWith("late"));
}

TEST_CASE("connections over the maximum are closed, and there is room again later") {
  ServerOptions options;
  options.max_connections = 1;
  TestServer test(Echo, options);
  const std::string get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  RawClient first(test.server.port());
  first.Send(get);
  CHECK_THAT(first.ReadResponse(), Contains("200 OK"));
  RawClient second(test.server.port());
  CHECK(second.ReadToEnd().empty());
  first.Close();
  CHECK(Eventually([&] {
    RawClient third(test.server.port());
    return third.Send(get) && absl::StrContains(third.ReadResponse(), "200 OK");
  }));
}

TEST_CASE("Stop lets a running request end, closes idle connections and accepts no more") {
  Held held;
  TestServer test(std::ref(held));
  RawClient idle(test.server.port());
  RawClient busy(test.server.port());
  busy.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  Responder responder = held.Next();
  std::thread stopper([&] { test.server.Stop(kTestDeadline); });
  CHECK(idle.ReadToEnd().empty());
  CHECK(Eventually([&] { return !RawClient(test.server.port()).connected(); }));
  responder.Send({200, {}, "done"});
  CHECK_THAT(busy.ReadToEnd(), Contains("Connection: close\r\n") && EndsWith("done"));
  stopper.join();
}

TEST_CASE("Stop ends at its deadline, and a responder may outlive the server") {
  Held held;
  Responder responder;
  {
    TestServer test(std::ref(held));
    RawClient client(test.server.port());
    client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    responder = held.Next();
    test.server.Stop(absl::Milliseconds(20));
    CHECK(client.ReadToEnd().empty());
  }
  responder.Send({200, {}, "too late"});
}

TEST_CASE("Start says why it cannot listen") {
  TestServer test(Echo);
  ServerOptions options;
  options.port = test.server.port();
  CHECK(Server(options, Echo).Start().code() == absl::StatusCode::kUnavailable);
  options.address = "nowhere";
  CHECK(Server(options, Echo).Start().code() == absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace mo::http
