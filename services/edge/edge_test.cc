// REST through a real edge, real services, a real PostgreSQL and Redis.
#include "services/edge/edge.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/http/client.h"
#include "libs/testing/environment.h"
#include "libs/transcode/registry.h"
#include "services/accounts/install.h"
#include "services/edge/install.h"
#include "services/links/install.h"

namespace mo::edge {
namespace {

using Json = nlohmann::json;

Edge* installed = nullptr;
void InstallHere(App& app) { installed = &InstallEdge(app); }

struct Rest {
  Rest() : env({accounts::Install, links::Install, InstallHere}) {
    const http::Response created =
        Send("POST", "/v1/accounts", R"({"display_name": "One"})", "mo_operator_test");
    INFO(created.body);
    REQUIRE(created.status == 200);
    key = Json::parse(created.body)["secret"];
  }

  http::Response Send(const std::string& method, const std::string& target, std::string body = "",
                      const std::string& secret = "", http::Headers headers = {}) {
    http::ClientRequest request;
    request.method = method;
    request.url = absl::StrCat("http://127.0.0.1:", installed->port(), target);
    request.headers = std::move(headers);
    if (!secret.empty()) request.headers.Add("Authorization", "Bearer " + secret);
    if (!body.empty() && !request.headers.Has("Content-Type")) {
      request.headers.Add("Content-Type", "application/json");
    }
    request.body = std::move(body);
    request.allow_private = true;
    request.timeout = absl::Seconds(20);
    auto response = client.Fetch(std::move(request));
    INFO(response.status());
    REQUIRE(response.ok());
    return *std::move(response);
  }

  testing::Environment env;
  http::Client client;
  std::string key;
};

std::string ReasonIn(const http::Response& response) {
  const Json body = Json::parse(response.body, nullptr, false);
  return body.is_object() ? body.value("reason", "") : "";
}

TEST_CASE("A resource is made, read, listed and deleted over REST") {
  Rest rest;
  const http::Response created =
      rest.Send("POST", "/v1/links", R"({"target_url": "https://example.com/ä"})", rest.key);
  INFO(created.body);
  REQUIRE(created.status == 200);
  CHECK(created.headers.Get("Content-Type") == "application/json");
  CHECK(created.headers.Get("Cache-Control") == "no-store");
  CHECK(created.headers.Get("RateLimit-Limit") == "1000");
  CHECK(absl::StartsWith(created.headers.Get("X-Request-Id"), "req_"));
  const std::string id = Json::parse(created.body)["id"];
  CHECK(Json::parse(rest.Send("GET", "/v1/links/" + id, "", rest.key).body)["target_url"] ==
        "https://example.com/ä");
  const Json list = Json::parse(rest.Send("GET", "/v1/links?page_size=10", "", rest.key).body);
  REQUIRE(list["links"].size() == 1);
  CHECK(list["next_page_token"] == "");
  CHECK(rest.Send("DELETE", "/v1/links/" + id, "", rest.key).status == 200);
  const http::Response gone = rest.Send("GET", "/v1/links/" + id, "", rest.key);
  CHECK(gone.status == 404);
  CHECK(ReasonIn(gone) == "LINK_NOT_FOUND");
}

TEST_CASE("Keys, scopes and accounts") {
  Rest rest;
  const std::string reader =
      Json::parse(rest.Send("POST", "/v1/api-keys",
                            R"({"display_name": "r", "scopes": ["links:read"]})", rest.key)
                      .body)["secret"];
  const std::string other = Json::parse(
      rest.Send("POST", "/v1/accounts", R"({"display_name": "Two"})", "mo_operator_test")
          .body)["secret"];
  const std::string link = Json::parse(
      rest.Send("POST", "/v1/links", R"({"target_url": "https://example.com/"})", rest.key)
          .body)["id"];

  struct Case {
    const char* method;
    std::string target;
    const char* body;
    std::string secret;
    int status;
    const char* reason;
  };
  const Case cases[] = {
      {"GET", "/v1/links", "", "", 401, "API_KEY_MISSING"},
      {"GET", "/v1/links", "", "mo_live_made_up", 401, "API_KEY_INVALID"},
      {"GET", "/v1/links", "", reader, 200, ""},
      {"POST", "/v1/links", R"({"target_url": "https://example.com/"})", reader, 403,
       "SCOPE_MISSING"},
      {"GET", "/v1/accounts", "", rest.key, 403, "SCOPE_MISSING"},
      {"GET", "/v1/events", "", reader, 403, "SCOPE_MISSING"},
      {"GET", "/v1/events", "", "", 401, "API_KEY_MISSING"},
      {"GET", "/v1/links/" + link, "", other, 404, "LINK_NOT_FOUND"},
      {"DELETE", "/v1/links/" + link, "", other, 404, "LINK_NOT_FOUND"},
      {"GET", "/v1/links/" + link, "", rest.key, 200, ""},
  };
  for (const Case& c : cases) {
    CAPTURE(c.method, c.target, c.reason);
    const http::Response response = rest.Send(c.method, c.target, c.body, c.secret);
    CAPTURE(response.body);
    CHECK(response.status == c.status);
    CHECK(ReasonIn(response) == c.reason);
    CHECK(response.headers.Has("WWW-Authenticate") == (c.status == 401));
  }
}

TEST_CASE("Requests that are wrong in their form") {
  Rest rest;
  struct Case {
    const char* method;
    const char* target;
    std::string body;
    http::Headers headers;
    int status;
    const char* reason;
    const char* field;  // of the first error
  };
  const Case cases[] = {
      {"GET", "/v1/nope", "", {}, 404, "NO_SUCH_PATH", ""},
      {"GET", "/nope", "", {}, 404, "NO_SUCH_PATH", ""},
      {"PUT", "/v1/links", "{}", {}, 405, "METHOD_NOT_ALLOWED", ""},
      {"POST", "/v1/openapi.json", "{}", {}, 405, "METHOD_NOT_ALLOWED", ""},
      {"POST", "/v1/events", "{}", {}, 405, "METHOD_NOT_ALLOWED", ""},
      {"POST", "/v1/links", "{", {}, 400, "INVALID_REQUEST", ""},
      {"POST", "/v1/links", R"({"nope": 1})", {}, 400, "INVALID_REQUEST", "nope"},
      {"POST", "/v1/links", R"({"target_url": 1})", {}, 400, "INVALID_REQUEST", "target_url"},
      {"POST",
       "/v1/links",
       R"({"target_url": "ftp://x"})",
       {},
       400,
       "INVALID_REQUEST",
       "target_url"},
      {"POST", "/v1/links", R"({"target_url": ""})", {}, 400, "INVALID_REQUEST", "target_url"},
      {"POST", "/v1/links", "", {}, 400, "INVALID_REQUEST", ""},
      {"GET", "/v1/links/lnk_nope", "", {}, 400, "INVALID_REQUEST", "id"},
      {"GET", "/v1/links?page_size=1001", "", {}, 400, "INVALID_REQUEST", "page_size"},
      {"GET", "/v1/links?nope=1", "", {}, 400, "INVALID_REQUEST", "nope"},
      {"POST", "/v1/links", "a=1", {{"Content-Type", "text/plain"}}, 415, "MEDIA_TYPE_UNKNOWN", ""},
      {"POST",
       "/v1/links",
       "{}",
       {{"Idempotency-Key", std::string(256, 'x')}},
       400,
       "INVALID_REQUEST",
       "Idempotency-Key"},
      {"POST", "/v1/links", std::string(2 << 20, ' '), {}, 413, "CONTENT_TOO_LARGE", ""},
      {"POST", "/v1/media", std::string(2 << 20, ' '), {}, 501, "NOT_IMPLEMENTED", ""},
  };
  for (const Case& c : cases) {
    CAPTURE(c.method, c.target, c.body.substr(0, 100));
    const http::Response response = rest.Send(c.method, c.target, c.body, rest.key, c.headers);
    CAPTURE(response.body);
    CHECK(response.status == c.status);
    CHECK(ReasonIn(response) == c.reason);
    CHECK(response.headers.Get("Content-Type") == "application/problem+json");
    const Json body = Json::parse(response.body);
    if (c.status == 400) {
      CHECK(body["errors"][0]["field"] == c.field);
      CHECK(body["request_id"] == std::string(response.headers.Get("X-Request-Id")));
    }
    if (c.status == 405) CHECK_FALSE(response.headers.Get("Allow").empty());
  }
}

TEST_CASE("Uploads may be forms, other routes take JSON only") {
  Rest rest;
  const auto send = [&](const char* path, const std::string& part) {
    return rest.Send("POST", path,
                     absl::StrCat("--X\r\nContent-Disposition: form-data; name=\"", part,
                                  "\"\r\n\r\nabc\r\n--X--\r\n"),
                     rest.key, {{"Content-Type", "multipart/form-data; boundary=X"}});
  };
  const http::Response unknown = send("/v1/media", "nope");
  CHECK(unknown.status == 400);
  CHECK(Json::parse(unknown.body)["errors"][0]["field"] == "nope");
  // Well formed: only the media service is missing here.
  CHECK(send("/v1/media", "file").status == 501);
  CHECK(send("/v1/links", "file").status == 415);
}

TEST_CASE("No route answers nonsense with 500") {
  Rest rest;
  const std::string bodies[] = {"{",
                                "[]",
                                "null",
                                "\"x\"",
                                R"({"nope": {"deep": [1, 2]}})",
                                "\xff",
                                "{}x",
                                R"({"id": 5, "name": [], "content": "x"})"};
  int answered = 0;
  for (const auto& route : transcode::Registry::Embedded().routes()) {
    if (route->http_method == "GET" || (!route->whole_body && route->body_field == nullptr))
      continue;
    std::string target = route->path;
    for (size_t open = target.find('{'); open != std::string::npos; open = target.find('{')) {
      target.replace(open, target.find('}') - open + 1, "%00");
    }
    const bool operators = route->method->scope == "operator";
    for (const std::string& body : bodies) {
      CAPTURE(route->http_method, target, body);
      const http::Response response =
          rest.Send(route->http_method, target, body, operators ? "mo_operator_test" : rest.key);
      CAPTURE(response.body);
      CHECK(response.status == 400);
      CHECK_FALSE(Json::parse(response.body)["errors"].empty());
      ++answered;
    }
  }
  CHECK(answered > 100);
}

TEST_CASE("The same idempotency key writes once") {
  Rest rest;
  const auto create = [&](const std::string& url) {
    return rest.Send("POST", "/v1/links", absl::StrCat("{\"target_url\": \"", url, "\"}"), rest.key,
                     {{"Idempotency-Key", "order 17"}});
  };
  const http::Response first = create("https://example.com/a");
  REQUIRE(first.status == 200);
  CHECK(create("https://example.com/a").body == first.body);
  const http::Response reused = create("https://example.com/b");
  CHECK(reused.status == 409);
  CHECK(ReasonIn(reused) == "IDEMPOTENCY_KEY_REUSED");
  CHECK(Json::parse(rest.Send("GET", "/v1/links", "", rest.key).body)["links"].size() == 1);
}

TEST_CASE("Request ids are taken when sane, and made otherwise") {
  Rest rest;
  const auto id_for = [&](const std::string& given) {
    return std::string(rest.Send("GET", "/v1/links", "", rest.key, {{"X-Request-Id", given}})
                           .headers.Get("X-Request-Id"));
  };
  CHECK(id_for("my-Request_1.x") == "my-Request_1.x");
  CHECK(absl::StartsWith(id_for("a b"), "req_"));
  CHECK(absl::StartsWith(id_for(std::string(65, 'a')), "req_"));
  CHECK(id_for("x\"y") != id_for("x\"y"));
}

TEST_CASE("Documents and health") {
  Rest rest;
  const http::Response openapi = rest.Send("GET", "/v1/openapi.json");
  CHECK(openapi.status == 200);
  CHECK(Json::parse(openapi.body)["openapi"] == "3.1.0");
  const http::Response docs = rest.Send("GET", "/docs");
  CHECK(docs.status == 200);
  CHECK(docs.headers.Get("Content-Type") == "text/html; charset=utf-8");
  // Offline: nothing is fetched from elsewhere.
  CHECK_FALSE(absl::StrContains(docs.body, "http://"));
  CHECK_FALSE(absl::StrContains(docs.body, "https://"));
  CHECK(absl::StrContains(docs.headers.Get("Content-Security-Policy"), "default-src 'none'"));
  CHECK(rest.Send("GET", "/healthz").status == 200);
  CHECK(rest.Send("GET", "/readyz").status == 200);
  CHECK(rest.Send("GET", "/").status == 302);
}

TEST_CASE("A service that is away is a 503 that says nothing of where it was") {
  AppOptions options;
  options.peers["links"] = "127.0.0.1:1";
  testing::Environment env({accounts::Install, InstallHere}, options);
  http::Client client;
  const std::string base = absl::StrCat("http://127.0.0.1:", installed->port());
  http::ClientRequest request;
  request.url = base + "/readyz";
  request.allow_private = true;
  auto ready = client.Fetch(request);
  REQUIRE(ready.ok());
  CHECK(ready->status == 503);
  CHECK(Json::parse(ready->body)["not_serving"] == Json({"messageorganizer.links.v1.LinkService"}));

  http::ClientRequest create = request;
  create.method = "POST";
  create.url = base + "/v1/accounts";
  create.body = R"({"display_name": "One"})";
  create.headers = {{"Authorization", "Bearer mo_operator_test"},
                    {"Content-Type", "application/json"}};
  const std::string key = Json::parse(client.Fetch(create)->body)["secret"];
  request.url = base + "/v1/links";
  request.headers = {{"Authorization", "Bearer " + key}};
  auto response = client.Fetch(request);
  REQUIRE(response.ok());
  CHECK(response->status == 503);
  CHECK(response->headers.Has("Retry-After"));
  CHECK(ReasonIn(*response) == "UNAVAILABLE");
  CHECK_FALSE(absl::StrContains(response->body, "127.0.0.1"));
}

}  // namespace
}  // namespace mo::edge
