// The live feed: what is too old, too much or not allowed any more.
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/http/client.h"
#include "libs/testing/wait.h"
#include "services/edge/feed_hub.h"
#include "services/edge/feed_test.h"

namespace mo::edge {
namespace {

TEST_CASE("Ids that are too old or unknown are answered with a gap") {
  Feed feed;
  feed.Append(5, absl::Now() - absl::Hours(25));
  feed.Append(5);
  auto trimmed = feed.store->Trim(absl::Now() - absl::Hours(24));
  REQUIRE(trimmed.ok());
  CHECK_FALSE(*trimmed);
  struct Case {
    const char* last_event_id;
    const char* gap;   // the id it carries; empty: no gap
    const char* next;  // the next event's id; empty: none yet
  };
  const Case cases[] = {{"5", "", "6"},   {"9", "", "10"},   {"0", "5", "6"}, {"4", "5", "6"},
                        {"99", "10", ""}, {"abc", "10", ""}, {"-1", "10", ""}};
  for (const Case& c : cases) {
    CAPTURE(c.last_event_id);
    EventStream stream(feed.key, c.last_event_id);
    if (*c.gap != '\0') {
      const EventStream::Item gap = stream.Next();
      CHECK(gap.event == "gap");
      CHECK(gap.id == c.gap);
    }
    if (*c.next != '\0') CHECK(stream.Next().id == c.next);
  }
}

TEST_CASE("An account without anything kept starts after its head") {
  Feed feed;
  feed.Append(3, absl::Now() - absl::Hours(25));
  REQUIRE(feed.store->Trim(absl::Now() - absl::Hours(24)).ok());
  EventStream stream(feed.key, "1");
  CHECK(stream.Next().event == "gap");
  feed.Append(1);
  CHECK(stream.Next().id == "4");
}

TEST_CASE("A client that is far behind gets everything, however slowly it reads") {
  Feed feed;
  constexpr int kEvents = 12000;  // 3 MB: more than may be queued for one client
  for (int i = 0; i < kEvents / 1000; ++i) feed.Append(1000);
  EventStream stream(feed.key, "0");
  for (int i = 1; i <= kEvents; ++i) {
    const EventStream::Item item = stream.Next();
    REQUIRE(item.event == "message.received");
    REQUIRE(item.id == absl::StrCat(i));
  }
}

TEST_CASE("An account has a hundred streams at most, and one that ends makes room") {
  Feed feed;
  std::vector<std::unique_ptr<EventStream>> streams;
  for (size_t i = 0; i < FeedHub::kMaxClientsPerAccount; ++i) {
    streams.push_back(std::make_unique<EventStream>(feed.key));
    CHECK(absl::StrContains(streams.back()->head(), "200 OK"));
  }
  CHECK(absl::StrContains(EventStream(feed.key).head(), "429"));
  streams.pop_back();
  testing::WaitFor([&] { return absl::StrContains(EventStream(feed.key).head(), "200 OK"); },
                   "room for a stream");
}

TEST_CASE("A revoked key stops hearing") {
  Feed feed;
  const auto send = [&](const std::string& method, const std::string& path,
                        const std::string& body) {
    http::ClientRequest request;
    request.method = method;
    request.url = absl::StrCat("http://127.0.0.1:", installed->port(), path);
    request.headers = {{"Authorization", "Bearer " + feed.key},
                       {"Content-Type", "application/json"}};
    request.body = body;
    request.allow_private = true;
    auto response = http::Client().Fetch(request);
    REQUIRE(response.ok());
    REQUIRE(response->status == 200);
    return Json::parse(response->body);
  };
  const Json made =
      send("POST", "/v1/api-keys", R"({"display_name": "ear", "scopes": ["events:read"]})");
  EventStream stream(made["secret"]);
  stream.AwaitConnected();
  send("DELETE", "/v1/api-keys/" + made["api_key"]["id"].get<std::string>(), "");
  CHECK(stream.AwaitEnd());
}

}  // namespace
}  // namespace mo::edge
