// A links service with its redirect, for tests.
#pragma once

#include <catch2/catch.hpp>
#include <optional>
#include <string>

#include "libs/http/raw_client_test.h"
#include "libs/short_codes/short_codes.h"
#include "libs/testing/clock.h"
#include "libs/testing/environment.h"
#include "libs/testing/wait.h"
#include "messageorganizer/links/v1/links.grpc.pb.h"
#include "services/links/install.h"

namespace mo::links {

// The product's domain is go.test.
class RedirectWorld {
 public:
  using Stub = v1::LinkService::Stub;

  testing::FakeClock clock;
  testing::Environment env{{&RedirectWorld::Install}, Options(clock)};

  Client<v1::LinkService>& client() { return *client_; }
  // The process ends and another one begins.
  void Restart() {
    client_.reset();
    env.Restart();
    client_ = std::make_unique<Client<v1::LinkService>>(env.app());
  }

  // The answer to a GET, with more header lines.
  std::string Get(const std::string& code, const std::string& lines = "",
                  const std::string& host = "go.test", const std::string& method = "GET") {
    http::RawClient browser(parts->redirect.port());
    browser.Send(
        absl::StrCat(method, " /", code, " HTTP/1.1\r\nHost: ", host, "\r\n", lines, "\r\n"));
    return browser.ReadResponse(method != "HEAD");
  }
  // Its status.
  int Status(const std::string& code, const std::string& lines = "",
             const std::string& host = "go.test", const std::string& method = "GET") {
    return std::atoi(Get(code, lines, host, method).c_str() + 9);
  }

  v1::Link Create(const std::string& url, const std::string& code = "", int64_t account = 1) {
    v1::CreateLinkRequest request;
    request.mutable_link()->set_target_url(url);
    request.mutable_link()->set_code(code);
    const auto link = client().Call(&Stub::CreateLink, env.caller(account), request);
    INFO(link.status());
    REQUIRE(link.ok());
    return *link;
  }
  v1::ShortenLinksRequest ShortenRequest(const std::string& key, std::vector<std::string> urls,
                                         int64_t recipients) {
    v1::ShortenLinksRequest request;
    request.set_key(key);
    for (const std::string& url : urls) request.add_urls(url);
    request.set_recipients(recipients);
    request.mutable_assignment()->set_broadcast_id(FormatId("brd", 77));
    return request;
  }
  v1::ShortenLinksResponse Shorten(const v1::ShortenLinksRequest& request, int64_t account = 1) {
    const auto response =
        client().Call(&Stub::ShortenLinks, ServiceCaller("channels", account), request);
    INFO(response.status());
    REQUIRE(response.ok());
    return *response;
  }
  // Codes as a sender makes them.
  short_codes::ShortCodes Codes(const v1::ShortenLinksResponse& response) {
    const auto ring = secrets::KeyRing::Parse(env.app().options().secret_keys);
    const auto codes = short_codes::ShortCodes::Open(*ring, response.sealed_code_key());
    REQUIRE(codes.ok());
    return *codes;
  }

  absl::StatusOr<v1::LinkStatistics> Statistics(const std::string& id, int64_t account = 1,
                                                v1::ClickStep step = v1::CLICK_STEP_DAY) {
    v1::GetLinkStatisticsRequest request;
    request.set_id(id);
    request.set_step(step);
    *request.mutable_to() = ToProto(clock.Now() + absl::Hours(1));
    return client().Call(&Stub::GetLinkStatistics, env.caller(account), request);
  }
  // Waits until so much was counted, and checks that it is not more.
  void WaitForClicks(const std::string& id, int64_t clicks, int64_t bots, int64_t uniques) {
    testing::WaitFor(
        [&] {
          const auto statistics = Statistics(id);
          return statistics.ok() && statistics->total().clicks() >= clicks &&
                 statistics->total().bot_clicks() >= bots;
        },
        absl::StrCat(clicks, " clicks and ", bots, " of bots"));
    const auto total = Statistics(id)->total();
    CHECK(total.clicks() == clicks);
    CHECK(total.bot_clicks() == bots);
    CHECK(total.unique_clicks() == uniques);
  }
  // As the superuser.
  storage::Result Sql(const std::string& sql) {
    const auto connection = storage::Connection::Open(env.postgres().UrlAs("postgres"));
    REQUIRE(connection.ok());
    auto result = (*connection)->Script(sql);
    INFO(result.status());
    REQUIRE(result.ok());
    return *std::move(result);
  }

  // Ends what the service does as the system, and keeps it out of this database.
  void CutOff() {
    Sql("DO $$ BEGIN EXECUTE format('REVOKE CONNECT ON DATABASE %1$I FROM PUBLIC; GRANT CONNECT ON "
        "DATABASE %1$I TO mo_links', current_database()); END $$; "
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'mo_links_system' "
        "AND datname = current_database()");
  }
  void LetIn() {
    Sql("DO $$ BEGIN EXECUTE format('GRANT CONNECT ON DATABASE %I TO PUBLIC', current_database()); "
        "END $$");
  }

  inline static std::optional<Parts> parts;

 private:
  static void Install(App& app) {
    RedirectOptions options;
    options.listen = "127.0.0.1:0";
    options.cache = 1000;
    parts.reset();
    parts.emplace(InstallWith(app, options, "https://go.test", ""));
  }
  static AppOptions Options(const Clock& clock) {
    AppOptions options;
    options.clock = &clock;
    return options;
  }

  std::unique_ptr<Client<v1::LinkService>> client_ =
      std::make_unique<Client<v1::LinkService>>(env.app());
};

}  // namespace mo::links
