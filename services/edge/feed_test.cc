// The live feed: what is committed is heard.
#include "services/edge/feed_test.h"

#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "messageorganizer/sims/v1/events.pb.h"

namespace mo::edge {
namespace {

TEST_CASE("What a service commits reaches the account's clients, numbered, and nobody else") {
  Feed feed;
  int64_t other = 0;
  const std::string other_key = feed.NewAccount(&other);
  EventStream one(feed.key), two(feed.key), foreign(other_key);
  CHECK(absl::StrContains(one.head(), "200"));
  CHECK(absl::StrContains(one.head(), "text/event-stream"));
  one.AwaitConnected();
  two.AwaitConnected();
  foreign.AwaitConnected();
  // Not public: must not take a number.
  feed.PublishAs(feed.account, "p", messageorganizer::sims::v1::InboundReceived());
  feed.Publish(feed.account, "a");
  feed.Publish(other, "theirs");
  feed.Publish(feed.account, "b");
  for (EventStream* stream : {&one, &two}) {
    const EventStream::Item a = stream->Next();
    CHECK(a.id == "1");
    CHECK(a.event == "message.received");
    CHECK(Json::parse(a.data)["message"]["id"] == "a");
    const EventStream::Item b = stream->Next();
    CHECK(b.id == "2");
    CHECK(Json::parse(b.data)["message"]["id"] == "b");
  }
  const EventStream::Item theirs = foreign.Next();
  CHECK(theirs.id == "1");
  CHECK(Json::parse(theirs.data)["message"]["id"] == "theirs");
}

TEST_CASE("A client goes on where it stopped, also after a restart") {
  Feed feed;
  {
    EventStream stream(feed.key);
    stream.AwaitConnected();
    feed.Publish(feed.account, "a");
    CHECK(stream.Next().id == "1");
  }
  feed.Publish(feed.account, "b");
  feed.env.Restart();
  feed.Publish(feed.account, "c");
  EventStream stream(feed.key, "1");
  CHECK(Json::parse(stream.Next().data)["message"]["id"] == "b");
  const EventStream::Item c = stream.Next();
  CHECK(c.id == "3");
  CHECK(Json::parse(c.data)["message"]["id"] == "c");
  EventStream all(feed.key, "0");
  CHECK(all.Next().id == "1");
}

TEST_CASE("Events of another replica are seen within a second") {
  Feed feed;
  EventStream stream(feed.key);
  stream.AwaitConnected();
  const absl::Time start = absl::Now();
  feed.Append(1);
  CHECK(stream.Next().id == "1");
  CHECK(absl::Now() - start < absl::Seconds(1));
}

TEST_CASE("Numbers are without gaps and in order while many write at once") {
  Feed feed;
  EventStream stream(feed.key);
  stream.AwaitConnected();
  constexpr int kThreads = 4, kEach = 25;
  std::vector<std::thread> writers;
  for (int t = 0; t < kThreads; ++t) {
    writers.emplace_back([&feed, t] {
      for (int i = 0; i < kEach; ++i) {
        if (t == 0) {
          feed.Append(1);
        } else {
          feed.Publish(feed.account, absl::StrCat(t, ".", i), absl::StrCat(t));
        }
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  std::vector<std::string> order[kThreads];
  for (int i = 1; i <= kThreads * kEach; ++i) {
    const EventStream::Item item = stream.Next();
    REQUIRE(item.id == absl::StrCat(i));
    const Json data = Json::parse(item.data);
    if (!data.contains("message")) continue;
    const std::string text = data["message"]["id"];
    order[text[0] - '0'].push_back(text);
  }
  // What shared a partition has kept its order.
  for (int t = 1; t < kThreads; ++t) {
    REQUIRE(order[t].size() == kEach);
    for (int i = 0; i < kEach; ++i)
      CHECK(order[t][static_cast<size_t>(i)] == absl::StrCat(t, ".", i));
  }
}

TEST_CASE("Stopping ends the streams") {
  Feed feed;
  EventStream stream(feed.key);
  stream.AwaitConnected();
  feed.env.app().Stop();
  CHECK(stream.AwaitEnd());
}

TEST_CASE("Accounts are islands in the feed's tables") {
  Feed feed;
  feed.Append(1);
  const int64_t stranger = feed.account + 1;
  for (const char* table : {"edge.feed", "edge.feed_heads"}) {
    auto seen =
        feed.database->As(stranger, [&](storage::Transaction& tx) -> absl::StatusOr<int64_t> {
          MO_ASSIGN_OR_RETURN(storage::Result rows,
                              tx.Query(absl::StrCat("SELECT count(*) FROM ", table)));
          return rows[0].Int(0);
        });
    REQUIRE(seen.ok());
    CHECK(*seen == 0);
  }
  CHECK(feed.store->Read(feed.account, 0, 10)->size() == 1);
}

}  // namespace
}  // namespace mo::edge
