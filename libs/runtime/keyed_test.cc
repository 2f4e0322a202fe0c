#include "libs/runtime/keyed.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <latch>

namespace mo {
namespace {

TEST_CASE("Tasks of one key run in their order, other keys side by side") {
  Executor executor(2, 100);
  // Passes only when both keys are at work at the same time.
  std::latch together(2);
  std::vector<int> first;
  std::vector<int> second;
  std::vector<KeyedTask> tasks;
  for (int i = 0; i < 100; ++i) {
    tasks.push_back({"a", [&, i] {
                       if (i == 0) together.arrive_and_wait();
                       first.push_back(i);
                     }});
    tasks.push_back({"b", [&, i] {
                       if (i == 0) together.arrive_and_wait();
                       second.push_back(i);
                     }});
  }
  RunByKey(executor, std::move(tasks));
  std::vector<int> expected(100);
  for (int i = 0; i < 100; ++i) expected[static_cast<size_t>(i)] = i;
  CHECK(first == expected);
  CHECK(second == expected);
}

TEST_CASE("Everything runs although the executor takes nothing") {
  Executor executor(1, 100);
  executor.Stop();
  std::atomic<int> runs = 0;
  std::vector<KeyedTask> tasks;
  for (int i = 0; i < 10; ++i) tasks.push_back({std::to_string(i), [&] { ++runs; }});
  RunByKey(executor, std::move(tasks));
  CHECK(runs == 10);
  RunByKey(executor, {});
}

}  // namespace
}  // namespace mo
