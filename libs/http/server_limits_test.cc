// What the server refuses: too much, too slow, or no HTTP.
#include <atomic>
#include <catch2/catch.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "libs/http/raw_client_test.h"
#include "libs/http/server.h"
#include "libs/http/server_test.h"

namespace mo::http {
namespace {

using Catch::Contains;
using Catch::EndsWith;
using Catch::StartsWith;

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

}  // namespace
}  // namespace mo::http
