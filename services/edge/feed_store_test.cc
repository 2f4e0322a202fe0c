// The numbers of the feed, given to several accounts at once.
#include "services/edge/feed_store.h"

#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "services/edge/feed_test.h"

namespace mo::edge {
namespace {

std::vector<FeedEvent> Batch(const std::vector<int64_t>& accounts, const std::string& name) {
  std::vector<FeedEvent> batch;
  for (const int64_t account : accounts) {
    batch.push_back({account, 0, name, absl::StrCat(name, "/", batch.size()), absl::Now()});
  }
  return batch;
}

absl::Status Commit(Feed& feed, std::vector<FeedEvent> batch) {
  return feed.database->AsSystem([&](storage::Transaction& tx) -> absl::Status {
    feed.store->Append(tx, batch);
    return absl::OkStatus();
  });
}

TEST_CASE("Each account's events of a batch get its next numbers, in their order") {
  Feed feed;
  REQUIRE(Commit(feed, Batch({7, 8, 7, 9, 7, 8}, "one")).ok());
  REQUIRE(Commit(feed, Batch({8, 7}, "two")).ok());
  REQUIRE(Commit(feed, {}).ok());
  const auto payloads = [&](int64_t account) {
    std::vector<std::string> list;
    const auto events = feed.store->Read(account, 0, 10);
    REQUIRE(events.ok());
    for (const FeedEvent& event : *events) {
      CHECK(event.seq == static_cast<int64_t>(list.size()) + 1);
      list.push_back(event.payload);
    }
    return list;
  };
  using List = std::vector<std::string>;
  CHECK(payloads(7) == List{"one/0", "one/2", "one/4", "two/1"});
  CHECK(payloads(8) == List{"one/1", "one/5", "two/0"});
  CHECK(payloads(9) == List{"one/3"});
  const std::map<int64_t, int64_t> heads = {{7, 4}, {8, 3}, {9, 1}};
  CHECK(feed.store->Heads({7, 8, 9, 10}).value() == heads);
}

TEST_CASE("Consumers of the same accounts wait for one another, and never in a circle") {
  Feed feed;
  constexpr int kEach = 50;
  // Once only: a deadlock would fail here.
  const auto append = [&](const std::vector<int64_t>& accounts) {
    auto connection = feed.database->Dedicated();
    Must(connection.status());
    for (int i = 0; i < kEach; ++i) {
      storage::Transaction tx(**connection, 0);
      feed.store->Append(tx, Batch(accounts, "x"));
      Must(tx.Finish(absl::OkStatus()));
    }
  };
  std::thread up([&] { append({7, 8, 9}); });
  std::thread down([&] { append({9, 8, 7}); });
  up.join();
  down.join();
  const std::map<int64_t, int64_t> heads = {{7, 2 * kEach}, {8, 2 * kEach}, {9, 2 * kEach}};
  CHECK(feed.store->Heads({7, 8, 9}).value() == heads);
}

}  // namespace
}  // namespace mo::edge
