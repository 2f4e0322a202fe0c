#include "libs/http/server.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <stdexcept>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "libs/http/raw_client_test.h"

namespace mo::http {
namespace {

using Catch::Contains;
using Catch::EndsWith;
using Catch::StartsWith;

// Says what arrived.
void Echo(Request request, Responder responder) {
  responder.Send({200,
                  {{"Content-Type", "text/plain"}},
                  absl::StrCat(request.method, " ", request.path, "?", request.query, " [",
                               request.body, "] from ", request.remote_address)});
}

// Requests waiting until the test answers them.
class Held {
 public:
  void operator()(Request, Responder responder) {
    absl::MutexLock lock(&mutex_);
    waiting_.push_back(std::move(responder));
  }
  // The oldest one.
  Responder Next() {
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(this, &Held::Any), kTestDeadline);
    REQUIRE(!waiting_.empty());
    Responder first = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    return first;
  }

 private:
  bool Any() const { return !waiting_.empty(); }
  absl::Mutex mutex_;
  std::vector<Responder> waiting_;
};

TEST_CASE("a request arrives whole and its answer goes back") {
  TestServer test(Echo);
  RawClient client(test.server.port());
  client.Send("POST /a%2Fb?c=d&e HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
  const std::string response = client.ReadResponse();
  CHECK_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
  CHECK_THAT(response, Contains("\r\nDate: ") && Contains("\r\nContent-Type: text/plain\r\n"));
  CHECK_THAT(response, !Contains("Connection:"));
  CHECK_THAT(response, EndsWith("POST /a%2Fb?c=d&e [hello] from 127.0.0.1"));
}

TEST_CASE("targets in every form are split into path and query") {
  TestServer test(Echo);
  RawClient client(test.server.port());
  const auto ask = [&](absl::string_view line) {
    client.Send(absl::StrCat(line, " HTTP/1.1\r\nHost: x\r\n\r\n"));
    return client.ReadResponse();
  };
  CHECK_THAT(ask("GET /"), EndsWith("GET /? [] from 127.0.0.1"));
  CHECK_THAT(ask("GET http://host:1/a?b?c"), EndsWith("GET /a?b?c [] from 127.0.0.1"));
  CHECK_THAT(ask("GET http://host"), EndsWith("GET /? [] from 127.0.0.1"));
  CHECK_THAT(ask("GET http://host?q"), EndsWith("GET /?q [] from 127.0.0.1"));
  CHECK_THAT(ask("OPTIONS *"), EndsWith("OPTIONS *? [] from 127.0.0.1"));
  CHECK_THAT(ask("GET /go?to=http://a/b"), EndsWith("GET /go?to=http://a/b [] from 127.0.0.1"));
}

TEST_CASE("a connection is kept, and pipelined requests are answered in order") {
  TestServer test(Echo);
  RawClient client(test.server.port());
  std::string many;
  for (int i = 0; i < 50; ++i) absl::StrAppend(&many, "GET /", i, " HTTP/1.1\r\nHost: x\r\n\r\n");
  client.Send(many);
  for (int i = 0; i < 50; ++i) {
    CHECK_THAT(client.ReadResponse(), Contains(absl::StrCat("GET /", i, "?")));
  }
}

TEST_CASE("a pipelined request waits for the answer before it") {
  Held held;
  TestServer test(std::ref(held));
  RawClient client(test.server.port());
  client.Send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
  held.Next().Send({201, {}, ""});
  CHECK_THAT(client.ReadResponse(), StartsWith("HTTP/1.1 201 Created\r\n"));
  held.Next().Send({202, {}, ""});
  CHECK_THAT(client.ReadResponse(), StartsWith("HTTP/1.1 202 "));
}

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

TEST_CASE("HEAD has the length and no body, 204 neither") {
  TestServer test([](Request request, Responder responder) {
    responder.Send({request.path == "/none" ? 204 : 200, {}, "12345"});
  });
  RawClient client(test.server.port());
  client.Send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK_THAT(client.ReadResponse(false), Contains("Content-Length: 5\r\n"));
  client.Send("GET /none HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK_THAT(client.ReadResponse(false),
             StartsWith("HTTP/1.1 204 No Content\r\n") && !Contains("Content-Length"));
  client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK_THAT(client.ReadResponse(), StartsWith("HTTP/1.1 200 OK\r\n") && EndsWith("12345"));
}

TEST_CASE("chunked bodies are joined, and trailers do not become headers") {
  TestServer test([](Request request, Responder responder) {
    responder.Send({200, {}, absl::StrCat(request.body, request.headers.Get("x-admin"))});
  });
  RawClient client(test.server.port());
  client.Send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  client.Send("2;ext=1\r\nde\r\n0\r\nX-Admin: yes\r\n\r\n");
  CHECK_THAT(client.ReadResponse(), EndsWith("\r\n\r\nabcde"));
}

TEST_CASE("Expect: 100-continue is answered before the body is sent, or refused at once") {
  ServerOptions options;
  options.max_body = 10;
  TestServer test(Echo, options);
  SECTION("continue") {
    RawClient client(test.server.port());
    client.Send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    CHECK(client.ReadUntil("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
    client.Send("ok");
    CHECK_THAT(client.ReadResponse(), Contains("[ok]"));
  }
  SECTION("too large") {
    RawClient client(test.server.port());
    client.Send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n");
    CHECK_THAT(client.ReadResponse(), StartsWith("HTTP/1.1 413 "));
  }
}

TEST_CASE("a body over the limit is refused with the caller's error response, then closed") {
  ServerOptions options;
  options.max_body = 1000;
  options.body_limit = [](const Request& head) -> size_t {
    return head.path == "/media" ? 3 << 20 : 1000;
  };
  options.error_response = [](int status, absl::string_view reason) {
    return Response{status,
                    {{"Content-Type", "application/problem+json"}},
                    absl::StrCat("{\"detail\":\"", std::string(reason), "\"}")};
  };
  std::atomic<int> handled = 0;
  TestServer test(
      [&](Request request, Responder responder) {
        ++handled;
        responder.Send({200, {}, std::to_string(request.body.size())});
      },
      options);
  const auto post = [&](absl::string_view path, size_t size) {
    return absl::StrCat("POST ", path, " HTTP/1.1\r\nHost: x\r\nContent-Length: ", size,
                        "\r\n\r\n");
  };
  SECTION("announced, and sent all the same") {
    RawClient client(test.server.port());
    client.Send(post("/", 2 << 20));
    client.Send(std::string(2 << 20, 'x'));
    const std::string response = client.ReadResponse();
    CHECK_THAT(response, StartsWith("HTTP/1.1 413 Payload Too Large\r\n"));
    CHECK_THAT(response, Contains("application/problem+json") && Contains("Connection: close"));
    client.ReadToEnd();
    CHECK(handled == 0);
  }
  SECTION("chunked") {
    RawClient client(test.server.port());
    client.Send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n");
    client.Send(std::string(1000, 'x') + "\r\n1\r\nx\r\n0\r\n\r\n");
    CHECK_THAT(client.ReadResponse(), StartsWith("HTTP/1.1 413 "));
    CHECK(handled == 0);
  }
  SECTION("just fits") {
    RawClient client(test.server.port());
    client.Send(post("/", 1000) + std::string(1000, 'x'));
    CHECK_THAT(client.ReadResponse(), EndsWith("\r\n\r\n1000"));
  }
  SECTION("the larger limit of one path") {
    RawClient client(test.server.port());
    client.Send(post("/media", 2 << 20));
    client.Send(std::string(2 << 20, 'x'));
    CHECK_THAT(client.ReadResponse(), EndsWith("\r\n\r\n2097152"));
  }
}

TEST_CASE("what is not valid HTTP, or can be read in two ways, gets a 400 and no second chance") {
  std::atomic<int> handled = 0;
  TestServer test([&](Request, Responder responder) {
    ++handled;
    responder.Send({});
  });
  const std::string host = "Host: x\r\n";
  const auto text = GENERATE_COPY(values<std::string>({
      "hello\r\n\r\n",
      "GET / HTTP/2.0\r\n" + host + "\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
      "GET /\x01 HTTP/1.1\r\n" + host + "\r\n",
      "GET  / HTTP/1.1\r\n" + host + "\r\n",
      "GET / HTTP/1.1\r\n" + host + "a b: c\r\n\r\n",
      "GET / HTTP/1.1\r\n" + host + "Content-Length : 1\r\n\r\nx",
      "POST / HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n",
      "POST / HTTP/1.1\r\n" + host + "Content-Length: 99999999999999999999\r\n\r\n",
      "POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
      "POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
      "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip\r\n\r\nx",
      "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
      "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  }));
  CAPTURE(text);
  RawClient client(test.server.port());
  client.Send(text + "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK_THAT(client.ReadToEnd(), StartsWith("HTTP/1.1 400 Bad Request\r\n") && !Contains("200 OK"));
  CHECK(handled == 0);
}

TEST_CASE("headers over the limit get a 431") {
  ServerOptions options;
  options.max_header = 1000;
  TestServer test(Echo, options);
  RawClient client(test.server.port());
  SECTION("a long line") {
    client.Send("GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(2000, 'a'));
    CHECK_THAT(client.ReadToEnd(), StartsWith("HTTP/1.1 431 "));
  }
  SECTION("a long target") {
    client.Send("GET /" + std::string(2000, 'a'));
    CHECK_THAT(client.ReadToEnd(), StartsWith("HTTP/1.1 431 "));
  }
  SECTION("an endless chunk extension") {
    client.Send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;");
    client.Send(std::string(200000, 'a'));
    CHECK_THAT(client.ReadToEnd(), StartsWith("HTTP/1.1 4"));
  }
}

TEST_CASE("slow clients are cut off: 408 inside a request, silence between two") {
  ServerOptions options;
  options.idle_timeout = absl::Milliseconds(60);
  options.request_timeout = absl::Milliseconds(60);
  TestServer test(Echo, options);
  SECTION("in the head") {
    RawClient client(test.server.port());
    client.Send("GET / HT");
    CHECK_THAT(client.ReadToEnd(), StartsWith("HTTP/1.1 408 Request Timeout\r\n"));
  }
  SECTION("in the head, byte by byte") {
    RawClient client(test.server.port());
    client.Send("GET / HTTP/1.1\r\nA: ");
    CHECK(Eventually([&] { return !client.Send("a"); }));
  }
  SECTION("in the body") {
    RawClient client(test.server.port());
    client.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc");
    CHECK_THAT(client.ReadToEnd(), StartsWith("HTTP/1.1 408 "));
  }
  SECTION("before the first request") {
    RawClient client(test.server.port());
    CHECK(client.ReadToEnd().empty());
  }
  SECTION("after a request") {
    RawClient client(test.server.port());
    client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    client.ReadResponse();
    CHECK(client.ReadToEnd().empty());
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

TEST_CASE("a request nobody answers gets a 500") {
  Held held;
  TestServer test([&](Request request, Responder responder) {
    if (request.path == "/throw") throw std::runtime_error("no");
    if (request.path == "/hold") held({}, std::move(responder));
  });
  RawClient client(test.server.port());
  client.Send("GET /drop HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK_THAT(client.ReadResponse(), StartsWith("HTTP/1.1 500 "));
  client.Send("GET /throw HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK_THAT(client.ReadResponse(), StartsWith("HTTP/1.1 500 "));
  client.Send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
  { const Responder dropped_elsewhere = held.Next(); }
  CHECK_THAT(client.ReadResponse(), StartsWith("HTTP/1.1 500 "));
}

TEST_CASE("only the first answer counts, from whichever copy") {
  TestServer test([](Request, Responder responder) {
    Responder copy = responder;
    copy.Send({200, {}, "first"});
    responder.Send({200, {}, "second"});
    CHECK_FALSE(responder.StartStream(200, {}).Write("third"));
  });
  RawClient client(test.server.port());
  client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK_THAT(client.ReadResponse(), EndsWith("first"));
  CHECK_THAT(client.ReadResponse(), StartsWith("HTTP/1.1 200") && EndsWith("first"));
}

TEST_CASE("header values cannot split a response") {
  TestServer test([](Request, Responder responder) {
    responder.Send({200,
                    {{"X-A", "1\r\nX-Evil: 2"}, {"X B", "3"}, {"Content-Length", "99"}, {"", "4"}},
                    "body"});
  });
  RawClient client(test.server.port());
  client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string response = client.ReadResponse();
  CHECK_THAT(response, Contains("X-A: 1  X-Evil: 2\r\n") && Contains("Content-Length: 4\r\n"));
  CHECK_THAT(response, !Contains("X B") && !Contains("99") && !Contains("\r\n: "));
}

TEST_CASE("many clients on many threads each get their own answers") {
  ServerOptions options;
  options.threads = 3;
  TestServer test(
      [](Request request, Responder responder) {
        // Every other request is answered from a foreign thread.
        if (request.path.back() % 2 == 0) return responder.Send({200, {}, request.path});
        std::thread([request, responder] { responder.Send({200, {}, request.path}); }).detach();
      },
      options);
  std::atomic<int> right = 0;
  std::vector<std::thread> clients;
  for (int c = 0; c < 8; ++c) {
    clients.emplace_back([&, c] {
      RawClient client(test.server.port());
      for (int i = 0; i < 100; ++i) {
        const std::string path = absl::StrCat("/", c, "/", i);
        client.Send(absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: x\r\n\r\n"));
        if (absl::EndsWith(client.ReadResponse(), "\r\n\r\n" + path)) ++right;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  CHECK(right == 800);
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
