#include "services/links/redirect.h"

#include <thread>

#include "services/links/bots.h"
#include "services/links/target.h"
#include "services/links/test_redirect.h"

namespace mo::links {
namespace {

using Catch::Contains;
using Catch::StartsWith;
using Stub = v1::LinkService::Stub;

v1::UpdateLinkRequest UpdateOf(const v1::Link& link) {
  v1::UpdateLinkRequest request;
  request.set_id(link.id());
  request.mutable_link()->set_display_name("Spring");
  return request;
}

TEST_CASE("A code leads to its target; what is none is a page that says so") {
  RedirectWorld world;
  const v1::Link link = world.Create("https://example.com/a?b=c#d", "spring");
  CHECK(link.short_url() == "https://go.test/spring");
  for (int i = 0; i < 3; ++i) {
    const std::string answer = world.Get("spring");
    CHECK_THAT(answer, StartsWith("HTTP/1.1 302 Found\r\n"));
    CHECK_THAT(answer, Contains("\r\nLocation: https://example.com/a?b=c#d\r\n"));
  }
  CHECK_THAT(world.Get("spring?fbclid=abc"),
             Contains("\r\nLocation: https://example.com/a?b=c#d\r\n"));
  CHECK_THAT(world.Get("spring", "", "go.test", "HEAD"), StartsWith("HTTP/1.1 302 "));
  CHECK_THAT(world.Get("nothing"),
             StartsWith("HTTP/1.1 404 ") && Contains("There is no such link."));
  for (const char* path : {"", "sp", "spring/x", "spring%20", "Spring", "0123456789ABCD",
                           "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", "a'b--"}) {
    INFO(path);
    CHECK(world.Status(path) == 404);
  }
  CHECK(world.Status("spring", "", "go.test", "DELETE") == 405);
  CHECK_THAT(world.Get("healthz"), StartsWith("HTTP/1.1 200 OK") && Contains("ok\n"));
}

TEST_CASE("A link's target, parameters and end can be changed after it was sent") {
  RedirectWorld world;
  const v1::Link link = world.Create("https://example.com/old", "spring");
  CHECK(world.Status("spring") == 302);
  v1::UpdateLinkRequest request = UpdateOf(link);
  request.mutable_link()->set_target_url("https://example.com/new?utm_source=own#part");
  request.mutable_link()->set_etag(link.etag());
  request.mutable_link()->mutable_utm()->set_source("sms");
  request.mutable_link()->mutable_utm()->set_campaign("Ma\xc3\xa4rz 1");
  const auto updated = world.client().Call(&Stub::UpdateLink, world.env.caller(), request);
  REQUIRE(updated.ok());
  CHECK(updated->etag() != link.etag());
  CHECK_THAT(world.Get("spring"),
             Contains("Location: https://example.com/new?utm_source=own&utm_campaign="
                      "Ma%C3%A4rz%201#part\r\n"));
  CHECK(ReasonOf(world.client().Call(&Stub::UpdateLink, world.env.caller(), request).status()) ==
        "ETAG_MISMATCH");

  request = UpdateOf(link);
  *request.mutable_link()->mutable_expire_time() = ToProto(world.clock.Now() + absl::Hours(1));
  REQUIRE(world.client().Call(&Stub::UpdateLink, world.env.caller(), request).ok());
  CHECK(world.Status("spring") == 302);
  world.clock.Advance(absl::Hours(2));
  CHECK_THAT(world.Get("spring"), StartsWith("HTTP/1.1 410 Gone") && Contains("has expired"));
  request.clear_link();
  request.mutable_link();
  request.mutable_update_mask()->add_paths("expire_time");
  REQUIRE(world.client().Call(&Stub::UpdateLink, world.env.caller(), request).ok());
  CHECK(world.Status("spring") == 302);

  request.mutable_update_mask()->set_paths(0, "target_url");
  CHECK(
      FieldProblemsOf(world.client().Call(&Stub::UpdateLink, world.env.caller(), request).status())
          .at(0)
          .field == "link.target_url");
  CHECK(ReasonOf(
            world.client().Call(&Stub::UpdateLink, world.env.caller(2), UpdateOf(link)).status()) ==
        "LINK_NOT_FOUND");

  v1::DeleteLinkRequest erase;
  erase.set_id(link.id());
  REQUIRE(world.client().Call(&Stub::DeleteLink, world.env.caller(), erase).ok());
  CHECK(world.Status("spring") == 404);
}

TEST_CASE("A change by another process is seen when a target has been in memory for some seconds") {
  RedirectWorld world;
  world.Create("https://example.com/old", "spring");
  CHECK(world.Status("spring") == 302);
  world.Sql("UPDATE links.links SET target_url = 'https://example.com/new'");
  CHECK_THAT(world.Get("spring"), Contains("/old\r\n"));
  world.clock.Advance(absl::Seconds(3));
  testing::WaitFor([&] { return absl::StrContains(world.Get("spring"), "/new\r\n"); },
                   "the refresh");
  world.Sql("UPDATE links.links SET target_url = 'https://example.com/newest'");
  world.clock.Advance(absl::Seconds(11));
  CHECK_THAT(world.Get("spring"), Contains("/newest\r\n"));
}

TEST_CASE("Parameters are appended where they belong, and nothing breaks the header") {
  v1::Utm utm;
  CHECK(LocationOf("https://e.com", utm) == "https://e.com");
  utm.set_source("a b&c");
  utm.set_medium("m");
  CHECK(LocationOf("https://e.com", utm) == "https://e.com?utm_source=a%20b%26c&utm_medium=m");
  CHECK(LocationOf("https://e.com/?", utm) == "https://e.com/?utm_source=a%20b%26c&utm_medium=m");
  CHECK(LocationOf("https://e.com/?x=1&", utm) ==
        "https://e.com/?x=1&utm_source=a%20b%26c&utm_medium=m");
  CHECK(LocationOf("https://e.com/?utm_medium=z&y#?f", utm) ==
        "https://e.com/?utm_medium=z&y&utm_source=a%20b%26c#?f");
  CHECK(LocationOf("https://e.com/#a", utm) ==
        "https://e.com/?utm_source=a%20b%26c&utm_medium=m#a");
  CHECK(LocationOf("https://e.com/\r\nX: y\xc3\xbc", v1::Utm()) ==
        "https://e.com/%0D%0AX:%20y%C3%BC");
}

TEST_CASE("Own domains: an account's links answer there and on the product's, never on another's") {
  RedirectWorld world;
  const auto set = [&](int64_t account, const std::string& domain) {
    v1::UpdateLinkSettingsRequest request;
    request.mutable_settings()->set_domain(domain);
    request.mutable_update_mask()->add_paths("domain");
    return world.client().Call(&Stub::UpdateLinkSettings, world.env.caller(account), request);
  };
  REQUIRE(set(1, "one.example").ok());
  REQUIRE(set(2, "two.example").ok());
  CHECK(ReasonOf(set(3, "two.example").status()) == "DOMAIN_TAKEN");
  CHECK(ReasonOf(set(3, "go.test").status()) == "DOMAIN_TAKEN");
  for (const char* bad :
       {"one", "One.example", "a..b", "https://a.b", "a.b/c", "-a.b", "127.0.0.1"}) {
    INFO(bad);
    CHECK(FieldProblemsOf(set(3, bad).status()).at(0).field == "settings.domain");
  }
  CHECK(world.Create("https://example.com/1", "mine", 1).short_url() == "https://one.example/mine");
  world.Create("https://example.com/2", "theirs", 2);
  world.Create("https://example.com/3", "nobodys", 3);
  testing::WaitFor([&] { return world.Status("mine", "", "two.example") == 404; }, "the domains");
  CHECK(world.Status("mine", "", "one.example") == 302);
  CHECK(world.Status("mine", "", "ONE.example:8443") == 302);
  CHECK(world.Status("mine") == 302);
  CHECK(world.Status("theirs", "", "one.example") == 404);
  CHECK(world.Status("nobodys", "", "one.example") == 404);
  CHECK(world.Status("mine", "", "unknown.example") == 404);
  CHECK(world.Status("nobodys", "", "unknown.example") == 302);
  CHECK(world.Status("nobodys") == 302);
  REQUIRE(set(1, "").ok());
  CHECK(world.client()
            .Call(&Stub::GetLinkSettings, world.env.caller(), v1::GetLinkSettingsRequest())
            ->domain()
            .empty());
  testing::WaitFor([&] { return world.Status("nobodys", "", "one.example") == 302; },
                   "the domain to go");
}

TEST_CASE("Programs are told from people by what they say") {
  for (const char* bot :
       {"WhatsApp/2.23.20.0 A", "WhatsApp/2.2587.9 N", "TelegramBot (like TwitterBot)",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "Facebot",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "Twitterbot/1.0",
        "LinkedInBot/1.0 (compatible; Mozilla/5.0)", "Mozilla/5.0 SkypeUriPreview Preview/0.5",
        "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "whatsapp/2"}) {
    INFO(bot);
    CHECK(IsBot(bot));
    CHECK(IsBot(bot));
  }
  for (const char* person :
       {"",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 "
        "[FBAN/FBIOS;FBAV/450.0]",
        "Mozilla/5.0 (Linux; Android 14) Chrome/120.0 Mobile Safari/537.36 Instagram 300.0",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:121.0) Gecko/20100101 Firefox/121.0"}) {
    INFO(person);
    CHECK_FALSE(IsBot(person));
  }
  CHECK(IsBot(std::string(400, 'x') + "Googlebot"));
}

TEST_CASE(
    "Without a database, redirects that are in memory go on however old, others are put off") {
  RedirectWorld world;
  world.Create("https://example.com/a", "known");
  world.Create("https://example.com/b", "unknown");
  CHECK(world.Status("known") == 302);
  world.CutOff();
  world.clock.Advance(absl::Hours(1));
  for (int i = 0; i < 5; ++i) CHECK(world.Status("known") == 302);
  const std::string answer = world.Get("unknown");
  CHECK_THAT(answer, StartsWith("HTTP/1.1 503 ") && Contains("Retry-After: 1\r\n"));
  world.LetIn();
  testing::WaitFor([&] { return world.Status("unknown") == 302; }, "the database");
}

}  // namespace
}  // namespace mo::links
