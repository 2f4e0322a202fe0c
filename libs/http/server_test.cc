// Requests and their answers.
#include "libs/http/server.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <stdexcept>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/http/raw_client_test.h"
#include "libs/http/server_test.h"

namespace mo::http {
namespace {

using Catch::Contains;
using Catch::EndsWith;
using Catch::StartsWith;

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

TEST_CASE("a dropped request gets no answer, and its connection ends") {
  TestServer test([](Request, Responder responder) {
    responder.Drop();
    responder.Send({200, {}, "too late"});
  });
  RawClient client(test.server.port());
  client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(client.ReadToEnd().empty());
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

}  // namespace
}  // namespace mo::http
