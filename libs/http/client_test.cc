#include "libs/http/client.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "libs/http/raw_client_test.h"
#include "libs/http/server.h"

namespace mo::http {
namespace {

using absl::StatusCode;

// What the server of these tests has seen, and what it answers by path.
class Site {
 public:
  Site()
      : test_([this](Request request, Responder responder) {
          Answer(std::move(request), std::move(responder));
        }) {}

  std::string Url(absl::string_view path) const { return test_.Url(path); }
  int port() const { return test_.server.port(); }
  Request Last() {
    absl::MutexLock lock(&mutex_);
    return last_;
  }

 private:
  void Answer(Request request, Responder responder) {
    const std::string path = request.path;
    const std::string query = PercentDecode(request.query).value_or("");
    const std::string body = request.body;
    {
      absl::MutexLock lock(&mutex_);
      last_ = std::move(request);
      if (path == "/never") held_.push_back(responder);
    }
    if (path == "/never") return;
    if (path == "/to") return responder.Send({302, {{"Location", query}}, ""});
    if (path == "/to307") return responder.Send({307, {{"Location", query}}, ""});
    if (path == "/loop") return responder.Send({302, {{"Location", "/loop"}}, ""});
    if (path == "/large") return responder.Send({200, {}, std::string(5000, 'x')});
    if (path == "/endless") {
      // No length is announced and no end comes.
      Stream stream = responder.StartStream(200, {});
      stream.Write(std::string(500'000, 'x'));
      absl::MutexLock lock(&mutex_);
      streams_.push_back(std::move(stream));
      return;
    }
    responder.Send({path == "/missing" ? 404 : 200, {{"X-Path", path}}, "got " + body});
  }

  absl::Mutex mutex_;
  Request last_;
  std::vector<Responder> held_;
  std::vector<Stream> streams_;
  TestServer test_;
};

// A request to our own server, which the guard would refuse.
ClientRequest Trusted(std::string url) {
  ClientRequest request;
  request.url = std::move(url);
  request.allow_private = true;
  return request;
}

StatusCode CodeOf(Client& client, ClientRequest request) {
  return client.Fetch(std::move(request)).status().code();
}

TEST_CASE("a request goes out as it was meant and its response comes back") {
  Site site;
  Client client;
  ClientRequest request = Trusted(site.Url("/a?b=c"));
  request.headers = {{"X-Key", "secret"}, {"X-Empty", ""}};
  const std::string method = GENERATE("GET", "POST", "PUT", "PATCH", "DELETE");
  request.method = method;
  if (method != "GET") request.body = std::string("\0body", 5);
  const auto response = client.Fetch(request);
  REQUIRE(response.ok());
  CHECK(response->status == 200);
  CHECK(response->headers.Get("x-path") == "/a");
  CHECK(response->body == "got " + request.body);
  const Request seen = site.Last();
  CHECK(seen.method == method);
  CHECK(seen.query == "b=c");
  CHECK(seen.headers.Get("x-key") == "secret");
  CHECK(seen.headers.Has("x-empty"));
  CHECK(seen.headers.Get("user-agent") == "messageorganizer");
  CHECK_FALSE(seen.headers.Has("content-type"));
  CHECK_FALSE(seen.headers.Has("expect"));
}

TEST_CASE("HEAD, an empty POST and an error status are ordinary responses") {
  Site site;
  Client client;
  ClientRequest request = Trusted(site.Url("/large"));
  request.method = "HEAD";
  auto response = client.Fetch(request);
  REQUIRE(response.ok());
  CHECK(response->headers.Get("content-length") == "5000");
  CHECK(response->body.empty());
  request = Trusted(site.Url("/missing"));
  request.method = "POST";
  response = client.Fetch(request);
  REQUIRE(response.ok());
  CHECK(response->status == 404);
  CHECK(site.Last().headers.Get("content-length") == "0");
}

TEST_CASE("the guard keeps requests out of our network, whatever the spelling") {
  Site site;
  Client client;
  const std::string port = std::to_string(site.port());
  const auto host = GENERATE(
      values<std::string>({"127.0.0.1", "localhost", "2130706433", "0x7f.1", "0177.0.0.1", "127.1",
                           "0", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"}));
  CAPTURE(host);
  ClientRequest request;
  request.url = absl::StrCat("http://", host, ":", port, "/");
  request.allowed_ports = {site.port()};
  CHECK(CodeOf(client, request) == StatusCode::kPermissionDenied);
  CHECK(site.Last().method.empty());
}

TEST_CASE("a connection opened for a trusted request is no way around the guard") {
  Site site;
  Client client;
  REQUIRE(client.Fetch(Trusted(site.Url("/"))).ok());
  ClientRequest request;
  request.url = site.Url("/private");
  request.allowed_ports = {site.port()};
  CHECK(CodeOf(client, request) == StatusCode::kPermissionDenied);
  CHECK(site.Last().path == "/");
}

TEST_CASE("ports beside those of the web are refused") {
  Client client;
  CHECK(client.Get("http://127.0.0.1:22/").status().code() == StatusCode::kPermissionDenied);
  CHECK(client.Get("http://192.0.2.1:6379/").status().code() == StatusCode::kPermissionDenied);
}

TEST_CASE("requests that are not ours to send are invalid") {
  Client client;
  const auto url = GENERATE(values<std::string>(
      {"", "nonsense://x", "file:///etc/passwd", "ftp://example.org/", "gopher://example.org/",
       "http://user:password@example.org/", "http://user@example.org/", "http://", "http://a b/",
       std::string("http://a/\0b", 11)}));
  CAPTURE(url);
  CHECK(CodeOf(client, Trusted(url)) == StatusCode::kInvalidArgument);
}

TEST_CASE("headers and methods cannot carry another request") {
  Site site;
  Client client;
  ClientRequest request = Trusted(site.Url("/"));
  SECTION("value") { request.headers = {{"A", "b\r\nC: d"}}; }
  SECTION("name") { request.headers = {{"A: b\r\nC", "d"}}; }
  SECTION("method") { request.method = "GET / HTTP/1.1\r\nA: b\r\n\r\nGET"; }
  CHECK(CodeOf(client, request) == StatusCode::kInvalidArgument);
}

TEST_CASE("redirects are followed only as far as asked") {
  Site site;
  Client client;
  ClientRequest request = Trusted(site.Url("/to?%2Fb"));
  SECTION("not at all") {
    const auto response = client.Fetch(request);
    REQUIRE(response.ok());
    CHECK(response->status == 302);
    CHECK(response->headers.Get("location") == "/b");
  }
  SECTION("once, a POST becoming a GET") {
    request.max_redirects = 1;
    request.method = "POST";
    request.body = "form";
    request.headers = {{"Authorization", "secret"}};
    const auto response = client.Fetch(request);
    REQUIRE(response.ok());
    CHECK(response->headers.Get("x-path") == "/b");
    CHECK(site.Last().method == "GET");
    CHECK(site.Last().body.empty());
    CHECK(site.Last().headers.Get("authorization") == "secret");
  }
  SECTION("for ever") {
    request.url = site.Url("/loop");
    request.max_redirects = 5;
    CHECK(CodeOf(client, request) == StatusCode::kFailedPrecondition);
  }
  SECTION("to another scheme") {
    request.url = site.Url("/to?file:///etc/passwd");
    request.max_redirects = 5;
    CHECK(CodeOf(client, request) == StatusCode::kInvalidArgument);
  }
}

TEST_CASE("a redirect to another origin takes neither secrets nor body along") {
  Site site, other;
  Client client;
  ClientRequest request = Trusted(site.Url("/to?" + PercentEncode(other.Url("/b"))));
  request.max_redirects = 2;
  request.headers = {{"Authorization", "s"}, {"X-Api-Key", "s"}, {"Cookie", "s"}, {"Accept", "a"}};
  REQUIRE(client.Fetch(request).ok());
  const Request seen = other.Last();
  CHECK(seen.path == "/b");
  CHECK(seen.headers.Get("accept") == "a");
  for (const char* secret : {"authorization", "x-api-key", "cookie"}) {
    CHECK_FALSE(seen.headers.Has(secret));
  }
  request.url = site.Url("/to307?" + PercentEncode(other.Url("/c")));
  request.method = "POST";
  request.body = "secret";
  CHECK(CodeOf(client, request) == StatusCode::kPermissionDenied);
  CHECK(other.Last().path == "/b");
}

TEST_CASE("responses are cut off at the size asked for") {
  Site site;
  Client client;
  ClientRequest request = Trusted(site.Url("/large"));
  request.max_response_bytes = 5000;
  CHECK(client.Fetch(request).ok());
  request.max_response_bytes = 4999;
  CHECK(CodeOf(client, request) == StatusCode::kResourceExhausted);
  request.url = site.Url("/endless");
  CHECK(CodeOf(client, request) == StatusCode::kResourceExhausted);
}

TEST_CASE("errors tell whether the peer can have seen the request") {
  Site site;
  Client client;
  ClientRequest request = Trusted(site.Url("/never"));
  request.timeout = absl::Milliseconds(50);
  CHECK(CodeOf(client, request) == StatusCode::kDeadlineExceeded);
  int closed_port;
  {
    TestServer gone([](Request, Responder) {});
    closed_port = gone.server.port();
  }
  request.timeout = kTestDeadline;
  request.url = absl::StrCat("http://127.0.0.1:", closed_port, "/");
  CHECK(CodeOf(client, request) == StatusCode::kUnavailable);
  request.url = "http://does-not-exist.invalid/";
  CHECK(CodeOf(client, request) == StatusCode::kUnavailable);
}

TEST_CASE("connections are reused, and concurrent requests limited") {
  absl::Mutex mutex;
  int now = 0, most = 0, handled = 0;
  std::vector<Responder> waiting;
  TestServer test([&](Request, Responder responder) {
    absl::MutexLock lock(&mutex);
    most = std::max(most, ++now);
    ++handled;
    waiting.push_back(std::move(responder));
  });
  ClientOptions options;
  options.max_in_flight = 3;
  Client client(options);
  constexpr int kRequests = 30;
  absl::BlockingCounter left(kRequests);
  std::atomic<int> fine = 0;
  for (int i = 0; i < kRequests; ++i) {
    client.Fetch(Trusted(test.Url("/")), [&](absl::StatusOr<Response> response) {
      if (response.ok()) ++fine;
      left.DecrementCount();
    });
  }
  for (int answered = 0; answered < kRequests;) {
    // Let as many as can be in flight arrive before any is answered.
    const int expected = std::min(3, kRequests - answered);
    REQUIRE(Eventually([&] {
      absl::MutexLock lock(&mutex);
      return static_cast<int>(waiting.size()) == expected;
    }));
    std::vector<Responder> batch;
    {
      absl::MutexLock lock(&mutex);
      batch.swap(waiting);
      now -= expected;
    }
    for (Responder& responder : batch) responder.Send({});
    answered += expected;
  }
  left.Wait();
  CHECK(fine == kRequests);
  CHECK(most == 3);
}

TEST_CASE("a second request goes over the first one's connection") {
  ServerOptions one;
  one.max_connections = 1;  // a second connection would be closed at once
  TestServer test([](Request, Responder responder) { responder.Send({}); }, one);
  Client client;
  for (int i = 0; i < 5; ++i) CHECK(client.Fetch(Trusted(test.Url("/"))).ok());
}

TEST_CASE("Stop cancels what runs and what waits, and later requests") {
  Site site;
  ClientOptions options;
  options.max_in_flight = 1;
  Client client(options);
  absl::BlockingCounter left(3);
  std::atomic<int> cancelled = 0;
  const auto done = [&](absl::StatusOr<Response> response) {
    if (response.status().code() == StatusCode::kCancelled) ++cancelled;
    left.DecrementCount();
  };
  client.Fetch(Trusted(site.Url("/never")), done);
  client.Fetch(Trusted(site.Url("/never")), done);
  REQUIRE(Eventually([&] { return site.Last().path == "/never"; }));
  client.Stop();
  client.Fetch(Trusted(site.Url("/")), done);
  left.Wait();
  CHECK(cancelled == 3);
}

}  // namespace
}  // namespace mo::http
