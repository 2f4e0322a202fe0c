#include "libs/storage/group_commit.h"

#include <catch2/catch.hpp>

#include "libs/testing/wait.h"

namespace mo::storage {
namespace {

using testing::WaitFor;

constexpr absl::Duration kForever = absl::Hours(1);

// What was flushed, batch by batch.
class Batches {
 public:
  GroupCommit<int>::Flush flush() {
    return [this](std::vector<int> batch) {
      std::lock_guard lock(mutex_);
      batches_.push_back(std::move(batch));
    };
  }
  std::vector<std::vector<int>> get() const {
    std::lock_guard lock(mutex_);
    return batches_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::vector<int>> batches_;
};

using Flushed = std::vector<std::vector<int>>;

TEST_CASE("patient items share the batch of the first that is not") {
  Batches batches;
  GroupCommit<int> commits(10, 100, batches.flush());
  REQUIRE(commits.TryAdd(1, kForever));
  REQUIRE(commits.TryAdd(2, kForever));
  REQUIRE(commits.TryAdd(3));
  WaitFor([&] { return !batches.get().empty(); }, "the batch");
  CHECK(batches.get() == Flushed{{1, 2, 3}});
}

TEST_CASE("patience ends by time, and by a batch's worth of items") {
  Batches batches;
  GroupCommit<int> commits(2, 100, batches.flush());
  REQUIRE(commits.TryAdd(1, absl::Milliseconds(1)));
  WaitFor([&] { return batches.get() == Flushed{{1}}; }, "the batch");
  REQUIRE(commits.TryAdd(2, kForever));
  REQUIRE(commits.TryAdd(3, kForever));
  WaitFor([&] { return batches.get() == Flushed{{1}, {2, 3}}; }, "the batch");
}

TEST_CASE("a stop flushes what is patient, and takes nothing more") {
  Batches batches;
  GroupCommit<int> commits(10, 100, batches.flush());
  REQUIRE(commits.TryAdd(1, kForever));
  commits.Stop();
  CHECK(batches.get() == Flushed{{1}});
  CHECK(!commits.TryAdd(2));
  CHECK(!commits.Add(3));
}

TEST_CASE("there is room for so many, patient or not") {
  Batches batches;
  GroupCommit<int> commits(10, 2, batches.flush());
  REQUIRE(commits.TryAdd(1, kForever));
  REQUIRE(commits.TryAdd(2, kForever));
  CHECK(!commits.TryAdd(3));
  CHECK(commits.size() == 2);
}

}  // namespace
}  // namespace mo::storage
