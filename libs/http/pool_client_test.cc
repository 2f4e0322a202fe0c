#include "libs/http/pool_client.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "libs/http/origin_url.h"
#include "libs/http/raw_client_test.h"
#include "libs/http/server.h"
#include "libs/testing/wait.h"

namespace mo::http {
namespace {

using absl::StatusCode;

ClientRequest Trusted(std::string url, std::string body = "") {
  ClientRequest request;
  request.method = "POST";
  request.url = std::move(url);
  request.body = std::move(body);
  request.allow_private = true;
  return request;
}

absl::StatusOr<Response> Wait(PoolClient& client, ClientRequest request) {
  absl::Notification finished;
  absl::StatusOr<Response> result;
  client.Fetch(std::move(request), [&](absl::StatusOr<Response> response) {
    result = std::move(response);
    finished.Notify();
  });
  finished.WaitForNotification();
  return result;
}

// Echoes; or, by path, never answers or says much.
class Site {
 public:
  Site()
      : test_([this](Request request, Responder responder) {
          ++requests_;
          if (request.path == "/never") {
            absl::MutexLock lock(&mutex_);
            return held_.push_back(std::move(responder));
          }
          if (request.path == "/large") return responder.Send({200, {}, std::string(5000, 'x')});
          const int status = request.path == "/missing" ? 404 : 200;
          responder.Send({status,
                          {{"X-Agent", std::string(request.headers.Get("User-Agent"))}},
                          absl::StrCat(request.method, " ", request.target, " ", request.body)});
        }) {}
  std::string Url(absl::string_view path) const { return test_.Url(path); }
  int requests() const { return requests_; }

 private:
  std::atomic<int> requests_{0};
  absl::Mutex mutex_;
  std::vector<Responder> held_;
  TestServer test_;
};

TEST_CASE("a pooled request goes out as it was meant, and its response comes back") {
  Site site;
  PoolClient client;
  auto response = Wait(client, Trusted(site.Url("/a?b=c"), "body"));
  REQUIRE(response.ok());
  CHECK(response->status == 200);
  CHECK(response->body == "POST /a?b=c body");
  CHECK(response->headers.Get("X-Agent") == "messageorganizer");
  CHECK(Wait(client, Trusted(site.Url("/missing")))->status == 404);
  ClientRequest get = Trusted(site.Url(""));
  get.method = "GET";
  CHECK(Wait(client, get)->body == "GET / ");
  get.method = "HEAD";
  CHECK(Wait(client, get)->body.empty());
  CHECK(Wait(client, get)->status == 200);
}

TEST_CASE("many requests share few connections, each gets its own response") {
  Site site;
  PoolClient client({.connections_per_origin = 4});
  constexpr int kRequests = 2000;
  absl::Mutex mutex;
  std::set<std::string> bodies;
  int left = kRequests;
  for (int i = 0; i < kRequests; ++i) {
    client.Fetch(Trusted(site.Url("/"), absl::StrCat(i)), [&](absl::StatusOr<Response> response) {
      absl::MutexLock lock(&mutex);
      if (response.ok()) bodies.insert(response->body);
      --left;
    });
  }
  absl::MutexLock lock(&mutex);
  const auto all = [&] { return left == 0; };
  REQUIRE(mutex.AwaitWithTimeout(absl::Condition(&all), kTestDeadline));
  CHECK(bodies.size() == kRequests);
  CHECK(site.requests() == kRequests);
}

TEST_CASE("errors tell whether the peer may have seen the request, and nothing is sent twice") {
  Site site;
  PoolClient client({.connections_per_origin = 1});
  {
    // On a connection that has been used before: still not sent again.
    auto mortal = std::make_unique<Site>();
    REQUIRE(Wait(client, Trusted(mortal->Url("/"))).ok());
    absl::Notification lost;
    absl::Status status;
    client.Fetch(Trusted(mortal->Url("/never")), [&](absl::StatusOr<Response> response) {
      status = response.status();
      lost.Notify();
    });
    testing::WaitFor([&] { return mortal->requests() == 2; }, "the request");
    mortal.reset();
    lost.WaitForNotification();
    CHECK(status.code() == StatusCode::kUnknown);
  }

  ClientRequest large = Trusted(site.Url("/large"));
  large.max_response_bytes = 100;
  CHECK(Wait(client, large).status().code() == StatusCode::kResourceExhausted);

  // One waits for an answer, the other one behind it for a connection.
  ClientRequest never = Trusted(site.Url("/never"));
  never.timeout = absl::Milliseconds(400);
  ClientRequest behind = Trusted(site.Url("/"));
  behind.timeout = absl::Milliseconds(100);
  absl::Notification finished;
  absl::Status status;
  client.Fetch(never, [&](absl::StatusOr<Response> response) {
    status = response.status();
    finished.Notify();
  });
  CHECK(Wait(client, behind).status().code() == StatusCode::kUnavailable);
  finished.WaitForNotification();
  CHECK(status.code() == StatusCode::kDeadlineExceeded);

  int closed = 0;
  {
    Server server({}, [](Request, Responder) {});
    REQUIRE(server.Start().ok());
    closed = server.port();
  }
  const std::string nobody = absl::StrCat("http://127.0.0.1:", closed, "/");
  CHECK(Wait(client, Trusted(nobody)).status().code() == StatusCode::kUnavailable);
}

TEST_CASE("a server that has come back is found again") {
  auto server = std::make_unique<Server>(ServerOptions{}, [](Request, Responder responder) {
    responder.Send({200, {}, "one"});
  });
  REQUIRE(server->Start().ok());
  const int port = server->port();
  const std::string url = absl::StrCat("http://127.0.0.1:", port, "/");
  PoolClient client;
  CHECK(Wait(client, Trusted(url))->body == "one");
  ServerOptions again;
  again.port = port;
  server.reset();
  server = std::make_unique<Server>(again, [](Request, Responder responder) {
    responder.Send({200, {}, "two"});
  });
  REQUIRE(server->Start().ok());
  auto response = Wait(client, Trusted(url));
  REQUIRE(response.ok());
  CHECK(response->body == "two");
}

TEST_CASE("the pooled client's guard, and what it does not send") {
  Site site;
  PoolClient client;
  ClientRequest request = Trusted(site.Url("/"));
  request.allow_private = false;
  CHECK(Wait(client, request).status().code() == StatusCode::kPermissionDenied);  // the port
  request.url = "http://127.0.0.1/";
  CHECK(Wait(client, request).status().code() == StatusCode::kPermissionDenied);  // the address
  for (const char* url : {"", "ftp://a/", "http://", "http://a:0/", "http://a:99999/",
                          "http://u:p@a/", "http://a/\r\nX: y", "http://a b/", "http://[::1/"}) {
    INFO(url);
    CHECK(Wait(client, Trusted(url)).status().code() == StatusCode::kInvalidArgument);
  }
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
           {"X", "a\r\nY: b"}, {"X: y", "b"}, {"Content-Length", "5"}, {"", "b"}}) {
    INFO(name);
    ClientRequest bad = Trusted(site.Url("/"));
    bad.headers.Add(name, value);
    CHECK(Wait(client, bad).status().code() == StatusCode::kInvalidArgument);
  }
  CHECK(site.requests() == 0);
  auto url = internal::SplitUrl("https://[::1]:8443/x?y#z");
  REQUIRE(url.ok());
  CHECK(url->host == "::1");
  CHECK(url->port == 8443);
  CHECK(url->target == "/x?y");
}

TEST_CASE("TLS is refused without trust") {
  Site site;
  PoolClient client;
  std::string url = site.Url("/");
  url.insert(4, "s");
  CHECK(Wait(client, Trusted(url)).status().code() == StatusCode::kUnavailable);
}

TEST_CASE("a pooled client that stops says so to all") {
  Site site;
  PoolClient client({.connections_per_origin = 1});
  std::vector<StatusCode> codes;
  for (int i = 0; i < 3; ++i) {
    client.Fetch(Trusted(site.Url("/never")), [&](absl::StatusOr<Response> response) {
      codes.push_back(response.status().code());
    });
  }
  client.Stop();
  CHECK(codes == std::vector<StatusCode>(3, StatusCode::kCancelled));
  CHECK(Wait(client, Trusted(site.Url("/"))).status().code() == StatusCode::kCancelled);
}

}  // namespace
}  // namespace mo::http
