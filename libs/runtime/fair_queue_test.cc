#include "libs/runtime/fair_queue.h"

#include <catch2/catch.hpp>
#include <future>
#include <string>
#include <vector>

#include "libs/runtime/fair_executor.h"

namespace mo {
namespace {

const AccountWeights kEqual;

// Takes n items at a price each.
std::string Take(FairQueue<char>& queue, int n, double price = 1) {
  std::string taken;
  while (n-- > 0) taken += queue.Pop([&](char) { return price; });
  return taken;
}

TEST_CASE("Accounts take turns, whoever has more; each one's items keep their order") {
  FairQueue<char> queue(kEqual);
  for (char c = 'a'; c <= 'h'; ++c) queue.Push(1, c);
  queue.Push(2, 'X');
  queue.Push(2, 'Y');
  queue.Push(3, '7');
  CHECK(Take(queue, 11) == "aX7bYcdefgh");
  CHECK(queue.empty());
}

TEST_CASE("Who comes later is next, and is not made up for what was missed") {
  FairQueue<char> queue(kEqual);
  for (int i = 0; i < 1000; ++i) queue.Push(1, 'a');
  Take(queue, 500);
  for (int i = 0; i < 5; ++i) queue.Push(2, 'X');
  CHECK(Take(queue, 8) == "XaXaXaXa");
}

TEST_CASE("Who was alone owes nothing for it") {
  FairQueue<char> queue(kEqual);
  for (int i = 0; i < 1000; ++i) queue.Push(1, 'a');
  Take(queue, 1000);
  queue.Push(2, 'X');
  queue.Push(2, 'X');
  queue.Push(1, 'a');
  queue.Push(1, 'a');
  CHECK(Take(queue, 4) == "aXaX");
}

TEST_CASE("Who comes with one item at a time gets no more than whoever waits with many") {
  FairQueue<char> queue(kEqual);
  for (int i = 0; i < 100; ++i) queue.Push(1, 'a');
  int ours = 0;
  for (int i = 0; i < 50; ++i) {
    if (queue.Pop() == 'X' || i == 0) {
      queue.Push(2, 'X');
      ++ours;
    }
  }
  CHECK(ours >= 24);
  CHECK(ours <= 26);
}

TEST_CASE("It is the price that is shared, by the weights") {
  const AccountWeights weights(std::map<int64_t, double>{{2, 3}});
  FairQueue<char> queue(weights);
  for (int i = 0; i < 400; ++i) {
    queue.Push(1, 'a');
    queue.Push(2, 'X');
  }
  double ours = 0, others = 0;
  for (int i = 0; i < 300; ++i) {
    // Each of theirs costs ten times one of ours.
    queue.Pop([&](char c) {
      const double price = c == 'X' ? 1 : 10;
      (c == 'X' ? ours : others) += price;
      return price;
    });
  }
  CHECK(ours / others == Approx(3).epsilon(0.1));
}

TEST_CASE("What is pressing goes before the account's other items, not before other accounts") {
  FairQueue<char> queue(kEqual);
  queue.Push(1, 'a');
  queue.Push(1, 'b');
  queue.Push(2, 'X');
  queue.Push(2, 'Y');
  queue.Push(2, '1', /*pressing=*/true);
  queue.Push(2, '2', /*pressing=*/true);
  CHECK(Take(queue, 6) == "a1b2XY");
}

TEST_CASE("An executor's tasks: another account's hundred are not waited for") {
  FairExecutor executor(1, 1000, kEqual);
  std::promise<void> gate;
  std::string order;  // only the executor's thread writes, and Stop waits for it
  REQUIRE(executor.Post(0, [&] { gate.get_future().wait(); }));
  for (int i = 0; i < 100; ++i) {
    REQUIRE(executor.Post(1, [&] { order += 'a'; }));
  }
  for (int i = 0; i < 3; ++i) {
    REQUIRE(executor.Post(2, [&] { order += 'X'; }));
  }
  gate.set_value();
  executor.Stop();
  CHECK(order.substr(0, 6) == "aXaXaX");
  CHECK(order.size() == 103);
  CHECK_FALSE(executor.Post(1, [] {}));
}

TEST_CASE("Weights are read from the flag's text") {
  const auto weights = AccountWeights::Parse({"acc_0000000000001=2.5", "acc_000000000000a=0.5"});
  REQUIRE(weights.ok());
  CHECK(weights->Of(1) == 2.5);
  CHECK(weights->Of(10) == 0.5);
  CHECK(weights->Of(2) == 1);
  for (const std::string bad :
       {"", "acc_0000000000001", "acc_0000000000001=", "1=2", "acc_1=2", "acc_0000000000001=0",
        "acc_0000000000001=-1", "acc_0000000000001=nan", "con_0000000000001=2"}) {
    CHECK_FALSE(AccountWeights::Parse({bad}).ok());
  }
}

}  // namespace
}  // namespace mo
