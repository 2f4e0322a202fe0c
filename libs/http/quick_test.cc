#include "libs/http/quick.h"

#include <catch2/catch.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "libs/http/raw_client_test.h"
#include "libs/http/server_test.h"

namespace mo::http {
namespace {

using Catch::Contains;
using Catch::EndsWith;
using Catch::StartsWith;
using internal::ParseQuick;

// /quick… at once, all else by the handler.
ServerOptions QuickOptions() {
  ServerOptions options;
  options.quick = [](const QuickRequest& request, QuickAnswer* answer) {
    if (!absl::StartsWith(request.target, "/quick")) return false;
    thread_local std::string body;
    body = absl::StrCat("quick ", request.target, " of ", request.Get("user-agent"), " at ",
                        request.host, " from ", request.remote_address);
    *answer = {302, "Location: https://example.org/\r\n", body};
    return true;
  };
  return options;
}

TEST_CASE("Plain heads are read, to the byte") {
  QuickRequest request;
  const std::string head =
      "GET /a?b=c HTTP/1.1\r\nHost: x:1\r\nUSER-agent:  me \t\r\nConnection: Keep-Alive\r\n\r\n";
  const std::string more = head + "GET /next";
  REQUIRE(ParseQuick(more, &request) == head.size());
  CHECK(request.target == "/a?b=c");
  CHECK(request.host == "x:1");
  CHECK(request.Get("User-Agent") == "me");
  CHECK(request.Get("Accept").empty());
  CHECK_FALSE(request.head_only);
  const std::string other = "HEAD / HTTP/1.1\r\nHost: y\r\n\r\n";
  REQUIRE(ParseQuick(other, &request) > 0);
  CHECK(request.head_only);
  CHECK(request.host == "y");
}

TEST_CASE("Whatever is not whole or not plain is left to the full parser") {
  QuickRequest request;
  const std::string head = "GET /a HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n";
  for (size_t n = 0; n < head.size(); ++n) CHECK(ParseQuick(head.substr(0, n), &request) == 0);
  const auto refuses = [&](const std::string& bytes) {
    INFO(bytes);
    CHECK(ParseQuick(bytes + "\r\n\r\n", &request) == 0);
  };
  for (const char* line :
       {"POST /a HTTP/1.1", "get /a HTTP/1.1", "GET  /a HTTP/1.1", "GET /a  HTTP/1.1",
        "GET /a HTTP/1.0", "GET /a HTTP/1.1 ", "GET a HTTP/1.1", "GET http://x/a HTTP/1.1",
        "GET * HTTP/1.1", "GET /\x01 HTTP/1.1", "GET /\xc3\xa4 HTTP/1.1", "GET /a", "GET"}) {
    refuses(absl::StrCat(line, "\r\nHost: x"));
  }
  for (const char* line :
       {"Host: y", "Content-Length: 0", "content-length: 5", "Transfer-Encoding: chunked",
        "Expect: 100-continue", "Upgrade: h2c", "Connection: close",
        "Connection: keep-alive, Upgrade", " folded: x", "Bad Name: x", "NoColon", ": x",
        "A: b\x01", "A: b\rC: d", "A: b\nC: d"}) {
    refuses(absl::StrCat("GET /a HTTP/1.1\r\nHost: x\r\n", line));
  }
  refuses("GET /a HTTP/1.1\r\nAccept: */*");
  refuses("GET /a HTTP/1.1\r\nHost:");
  std::string many = "GET /a HTTP/1.1\r\nHost: x";
  for (int i = 0; i < 40; ++i) absl::StrAppend(&many, "\r\nA", i, ": b");
  refuses(many);
}

TEST_CASE("Quick answers and full ones follow each other on a connection, in order") {
  TestServer test(Echo, QuickOptions());
  RawClient client(test.server.port());
  std::string many;
  for (int i = 0; i < 100; ++i) {
    absl::StrAppend(&many, "GET /", i % 3 == 0 ? "slow" : "quick", i,
                    " HTTP/1.1\r\nHost: h\r\nUser-Agent: u\r\n\r\n");
  }
  client.Send(many);
  for (int i = 0; i < 100; ++i) {
    const std::string response = client.ReadResponse();
    if (i % 3 == 0) {
      CHECK_THAT(response,
                 StartsWith("HTTP/1.1 200 OK") && Contains(absl::StrCat("GET /slow", i, "?")));
    } else {
      CHECK_THAT(response,
                 StartsWith("HTTP/1.1 302 Found\r\nDate: ") &&
                     Contains("\r\nLocation: https://example.org/\r\n") &&
                     EndsWith(absl::StrCat("quick /quick", i, " of u at h from 127.0.0.1")));
    }
  }
  client.Send("POST /quick HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi");
  CHECK_THAT(client.ReadResponse(), EndsWith("POST /quick? [hi] from 127.0.0.1"));
}

TEST_CASE(
    "A quick request in pieces, of HTTP/1.0, or with Connection: close is answered by the "
    "handler") {
  TestServer test(Echo, QuickOptions());
  {
    RawClient client(test.server.port());
    client.Send("GET /quick HTTP/1.1\r\nHo");
    client.Send("st: h\r\n\r\n");
    CHECK_THAT(client.ReadResponse(), StartsWith("HTTP/1.1 "));
    client.Send("GET /quick HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK_THAT(client.ReadResponse(), StartsWith("HTTP/1.1 302"));
  }
  RawClient client(test.server.port());
  client.Send("GET /quick HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  CHECK_THAT(client.ReadResponse(), Contains("\r\nConnection: close\r\n"));
}

TEST_CASE("HEAD has the quick answer's length and no body") {
  TestServer test(Echo, QuickOptions());
  RawClient client(test.server.port());
  client.Send("HEAD /quick HTTP/1.1\r\nHost: h\r\n\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string both = client.ReadUntil("from 127.0.0.1");
  CHECK_THAT(both, StartsWith("HTTP/1.1 302 Found") &&
                       Contains("Content-Length: 36\r\n\r\nHTTP/1.1 200 OK"));
}

TEST_CASE("A client that does not read its quick answers gets them all later") {
  ServerOptions options;
  options.quick = [](const QuickRequest&, QuickAnswer* answer) {
    static const std::string large(200000, 'x');
    *answer = {200, "", large};
    return true;
  };
  TestServer test(Echo, options);
  RawClient client(test.server.port());
  std::string many;
  for (int i = 0; i < 40; ++i) absl::StrAppend(&many, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  client.Send(many);
  for (int i = 0; i < 40; ++i) CHECK(client.ReadResponse().size() > 200000);
}

}  // namespace
}  // namespace mo::http
