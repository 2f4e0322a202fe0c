#include "services/links/clicks.h"

#include <filesystem>
#include <thread>

#include "messageorganizer/common/v1/event.pb.h"
#include "messageorganizer/links/v1/events.pb.h"
#include "services/links/test_redirect.h"

namespace mo::links {
namespace {

using Stub = v1::LinkService::Stub;

// What was told of, in order.
std::vector<v1::LinkClicked> Events(RedirectWorld& world) {
  std::vector<v1::LinkClicked> events;
  const auto rows = world.parts->database.AsSystem([](storage::Transaction& tx) {
    return tx.Query("SELECT envelope FROM links.outbox ORDER BY id");
  });
  REQUIRE(rows.ok());
  for (const storage::Row row : *rows) {
    messageorganizer::common::v1::EventEnvelope envelope;
    REQUIRE(envelope.ParseFromString(row.String(0)));
    REQUIRE(events.emplace_back().ParseFromString(envelope.payload()));
  }
  return events;
}

TEST_CASE("People, bots and new visitors are counted apart, by hour and by day") {
  RedirectWorld world;
  const v1::Link link = world.Create("https://example.com/", "spring");
  for (int i = 0; i < 3; ++i) world.Get("spring", "User-Agent: Firefox\r\n");
  world.Get("spring", "User-Agent: Safari\r\n");
  world.Get("spring", "User-Agent: WhatsApp/2.23 A\r\n");
  world.Get("spring", "User-Agent: Firefox\r\nPurpose: prefetch\r\n");
  world.Get("spring", "User-Agent: Firefox\r\nSec-Purpose: prefetch;prerender\r\n");
  world.Get("spring", "User-Agent: Firefox\r\nX-Moz: prefetch\r\n");
  world.Get("spring", "", "go.test", "HEAD");
  world.Get("unknown");
  world.WaitForClicks(link.id(), 4, 5, 2);
  world.clock.Advance(absl::Hours(2));
  world.Get("spring", "User-Agent: Firefox\r\n");
  world.WaitForClicks(link.id(), 5, 5, 2);
  // On another day nobody can tell who it was before.
  world.clock.Advance(absl::Hours(24));
  world.Get("spring", "User-Agent: Firefox\r\n");
  world.WaitForClicks(link.id(), 6, 5, 3);

  const auto hours = world.Statistics(link.id(), 1, v1::CLICK_STEP_HOUR);
  REQUIRE(hours->intervals_size() == 3);
  CHECK(hours->intervals(0).counts().clicks() == 4);
  CHECK(hours->intervals(0).counts().bot_clicks() == 5);
  CHECK(hours->intervals(1).counts().unique_clicks() == 0);
  const auto days = world.Statistics(link.id());
  REQUIRE(days->intervals_size() == 2);
  CHECK(days->intervals(0).counts().clicks() == 5);
  CHECK(days->intervals(1).counts().unique_clicks() == 1);
  CHECK(FromProto(days->intervals(0).start_time()) == absl::FromUnixSeconds(1768435200));

  int64_t told = 0, bots = 0, uniques = 0;
  for (const v1::LinkClicked& event : Events(world)) {
    CHECK(event.link_id() == link.id());
    CHECK_FALSE(event.has_assignment());
    told += event.counts().clicks();
    bots += event.counts().bot_clicks();
    uniques += event.counts().unique_clicks();
  }
  CHECK(told == 6);
  CHECK(bots == 5);
  CHECK(uniques == 3);

  v1::ListClicksRequest request;
  request.set_id(link.id());
  request.set_page_size(2);
  int64_t clicks = 0, visitors = 0;
  do {
    const auto page = world.client().Call(&Stub::ListClicks, world.env.caller(), request);
    REQUIRE(page.ok());
    for (const v1::Click& click : page->clicks()) {
      clicks += click.clicks();
      visitors += click.bot() ? 0 : 1;
      CHECK_FALSE(click.has_recipient());
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  CHECK(clicks == 11);
  CHECK(visitors == 3);
}

TEST_CASE(
    "Other accounts learn nothing of a link's clicks, nor does the database keep an address") {
  RedirectWorld world;
  const v1::Link link = world.Create("https://example.com/", "spring");
  world.Get("spring", "User-Agent: Firefox\r\n");
  world.WaitForClicks(link.id(), 1, 0, 1);
  CHECK(ReasonOf(world.Statistics(link.id(), 2).status()) == "LINK_NOT_FOUND");
  v1::ListClicksRequest request;
  request.set_id(link.id());
  CHECK(ReasonOf(world.client().Call(&Stub::ListClicks, world.env.caller(2), request).status()) ==
        "LINK_NOT_FOUND");
  const auto seen = world.parts->database.As(2, [](storage::Transaction& tx) {
    return tx.Query(
        "SELECT (SELECT count(*) FROM links.clicks) + (SELECT count(*) FROM "
        "links.click_hours) + (SELECT count(*) FROM links.click_batches)");
  });
  REQUIRE(seen.ok());
  CHECK((*seen)[0].Int(0) == 0);
  CHECK(world.Sql("SELECT * FROM links.clicks WHERE clicks::text LIKE '%127.0.0.1%'").empty());
  CHECK(
      world
          .Sql("SELECT 1 FROM links.click_batches WHERE encode(payload, 'escape') LIKE '%Firefox%'")
          .empty());
  world.clock.Advance(absl::Hours(72));
  world.Restart();
  CHECK(world.Sql("SELECT 1 FROM links.salts WHERE day < '2026-01-17'").empty());
}

TEST_CASE("Clicks and batches go when they are old; the sums stay") {
  RedirectWorld world;
  const v1::Link link = world.Create("https://example.com/", "spring");
  world.Get("spring");
  world.WaitForClicks(link.id(), 1, 0, 1);
  world.clock.Advance(absl::Hours(31 * 24));
  REQUIRE(world.parts->counter.DeleteOld(absl::Hours(32 * 24)).ok());
  CHECK(world.Sql("SELECT 1 FROM links.clicks").size() == 1);
  CHECK(world.Sql("SELECT 1 FROM links.click_batches").empty());
  REQUIRE(world.parts->counter.DeleteOld(absl::Hours(24)).ok());
  CHECK(world.Sql("SELECT 1 FROM links.clicks").empty());
  CHECK(world.Statistics(link.id())->total().clicks() == 1);
}

TEST_CASE("Clicks while the database is away come afterwards, each once") {
  RedirectWorld world;
  const v1::Link link = world.Create("https://example.com/", "spring");
  world.Get("spring");
  world.WaitForClicks(link.id(), 1, 0, 1);
  world.CutOff();
  const std::string folder = world.env.app().options().data_dir + "/clicks";
  const auto spooled = [&] {
    uintmax_t bytes = 0;
    for (const auto& file : std::filesystem::directory_iterator(folder)) bytes += file.file_size();
    return bytes;
  };
  for (int i = 0; i < 20; ++i) {
    const uintmax_t before = spooled();
    CHECK(world.Status("spring") == 302);
    testing::WaitFor([&] { return spooled() > before; }, "the click to be on disk");
  }
  world.LetIn();
  world.WaitForClicks(link.id(), 21, 0, 1);
  testing::WaitFor([&] { return spooled() == 0; }, "the spool to be empty");
}

TEST_CASE("A process that ends without its database leaves its clicks to the next one") {
  RedirectWorld world;
  const v1::Link link = world.Create("https://example.com/", "spring");
  world.Get("spring");
  world.WaitForClicks(link.id(), 1, 0, 1);
  world.CutOff();
  for (int i = 0; i < 5; ++i) CHECK(world.Status("spring") == 302);
  std::thread back([&] {
    // Only when the old one has gone: the new one needs the database to start.
    testing::WaitFor(
        [&] {
          return world
              .Sql(
                  "SELECT 1 FROM pg_stat_activity WHERE usename = 'mo_links' AND datname = "
                  "current_database()")
              .empty();
        },
        "the end of the old one");
    world.LetIn();
  });
  world.Restart();
  back.join();
  world.WaitForClicks(link.id(), 6, 0, 1);
}

TEST_CASE("A commit that takes too long is spooled as well, and counted once") {
  RedirectWorld world;
  const v1::Link link = world.Create("https://example.com/", "spring");
  world.Get("spring");
  world.WaitForClicks(link.id(), 1, 0, 1);
  const auto holder = storage::Connection::Open(world.env.postgres().UrlAs("postgres"));
  REQUIRE(holder.ok());
  REQUIRE((*holder)->Script("BEGIN; LOCK TABLE links.click_batches IN ACCESS EXCLUSIVE MODE").ok());
  for (int i = 0; i < 10; ++i) CHECK(world.Status("spring") == 302);
  const std::string folder = world.env.app().options().data_dir + "/clicks";
  testing::WaitFor([&] { return !std::filesystem::is_empty(folder); }, "the spool");
  REQUIRE((*holder)->Script("COMMIT").ok());
  world.WaitForClicks(link.id(), 11, 0, 1);
  testing::WaitFor([&] { return std::filesystem::is_empty(folder); }, "the spool to be empty");
  world.WaitForClicks(link.id(), 11, 0, 1);
}

TEST_CASE("Many clicks at once, over several connections: all are counted") {
  RedirectWorld world;
  const v1::Link link = world.Create("https://example.com/", "spring");
  constexpr int kThreads = 4, kClicks = 2000;
  std::vector<std::thread> browsers;
  for (int t = 0; t < kThreads; ++t) {
    browsers.emplace_back([&world] {
      http::RawClient browser(world.parts->redirect.port());
      for (int i = 0; i < kClicks; i += 100) {
        std::string many;
        for (int k = 0; k < 100; ++k) many += "GET /spring HTTP/1.1\r\nHost: go.test\r\n\r\n";
        browser.Send(many);
        for (int k = 0; k < 100; ++k) browser.ReadResponse();
      }
    });
  }
  for (std::thread& browser : browsers) browser.join();
  world.WaitForClicks(link.id(), kThreads * kClicks, 0, 1);
}

}  // namespace
}  // namespace mo::links
