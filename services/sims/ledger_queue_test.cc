#include "services/sims/ledger_queue.h"

#include <catch2/catch.hpp>
#include <set>

namespace mo::sims {
namespace {

const AccountWeights kEqual;
constexpr size_t kMost = 512;

LedgerWork Work(int64_t account, int64_t sim, int messages) {
  LedgerWork work;
  work.account_id = account;
  work.sim_id = sim;
  work.windows.emplace_back().indices.resize(static_cast<size_t>(messages));
  return work;
}

// How many messages of each account there are in a batch.
std::map<int64_t, int64_t> Messages(const std::vector<LedgerWork>& works) {
  std::map<int64_t, int64_t> messages;
  for (const LedgerWork& work : works)
    messages[work.account_id] += static_cast<int64_t>(work.windows[0].indices.size());
  return messages;
}

TEST_CASE("One account's fifty busy SIMs leave another's only SIM what it wants of each commit") {
  LedgerQueue queue(kEqual);
  for (int64_t sim = 100; sim < 150; ++sim) {
    for (int i = 0; i < 4; ++i) queue.Push(Work(1, sim, 256));
  }
  int64_t ours = 0, theirs = 0;
  for (int commit = 0; commit < 10; ++commit) {
    // Each time two windows are committed, there are two more.
    queue.Push(Work(2, 200, 256));
    queue.Push(Work(2, 200, 256));
    const std::vector<LedgerWork> works = queue.Take(kMost);
    auto messages = Messages(works);
    CHECK(messages[2] == 512);
    CHECK(messages[1] + messages[2] <= 5200);  // a commit that is not long for anybody
    ours += messages[2];
    theirs += messages[1];
    for (const LedgerWork& work : works) {
      if (work.account_id == 1) queue.Push(Work(1, work.sim_id, 256));
    }
  }
  CHECK(ours == 5120);
  CHECK(theirs > 30000);  // nor do they pay for it with more than that
}

TEST_CASE("Accounts that want more than there is get the same, or what their weights say") {
  const bool weighted = GENERATE(false, true);
  const AccountWeights weights(weighted ? std::map<int64_t, double>{{3, 2}}
                                        : std::map<int64_t, double>{});
  LedgerQueue queue(weights);
  std::map<int64_t, int64_t> got;
  for (int64_t account = 1; account <= 3; ++account) {
    for (int64_t sim = 0; sim < 200 * account; ++sim) queue.Push(Work(account, sim, 100));
  }
  for (int commit = 0; commit < 8; ++commit) {
    for (const auto& [account, messages] : Messages(queue.Take(kMost))) got[account] += messages;
  }
  CHECK(static_cast<double>(got[2]) / static_cast<double>(got[1]) == Approx(1).epsilon(0.05));
  CHECK(static_cast<double>(got[3]) / static_cast<double>(got[1]) ==
        Approx(weighted ? 2 : 1).epsilon(0.05));
}

TEST_CASE("An account's SIMs take turns, each with all its works in their order") {
  LedgerQueue queue(kEqual);
  for (int i = 0; i < 3; ++i) {
    for (int64_t sim = 1; sim <= 30; ++sim) queue.Push(Work(1, sim, 100 + i));
  }
  std::set<int64_t> seen;
  size_t works = 0;
  while (queue.size() > 0) {
    int64_t last = 0;
    size_t of_last = 0;
    for (const LedgerWork& work : queue.Take(kMost)) {
      if (work.sim_id != last) {
        CHECK(seen.insert(work.sim_id).second);
        of_last = 0;
      }
      CHECK(work.windows[0].indices.size() == 100 + of_last++);
      last = work.sim_id;
      ++works;
    }
  }
  CHECK(works == 90);
}

TEST_CASE("What is interactive goes before the account's broadcasts") {
  LedgerQueue queue(kEqual);
  for (int64_t sim = 1; sim <= 30; ++sim) queue.Push(Work(1, sim, 256));
  LedgerWork urgent = Work(1, 25, 1);
  urgent.urgent = true;
  queue.Push(std::move(urgent));
  LedgerWork inbound = Work(1, 40, 0);
  inbound.inbound.emplace_back();
  queue.Push(std::move(inbound));
  const std::vector<LedgerWork> works = queue.Take(kMost);
  REQUIRE(works.size() > 3);
  CHECK(works[0].sim_id == 25);
  CHECK(works[1].urgent);
  CHECK(works[2].sim_id == 40);
  size_t rest = works.size();
  while (queue.size() > 0) rest += queue.Take(kMost).size();
  CHECK(rest == 32);
  CHECK(queue.Take(kMost).empty());
}

TEST_CASE("A SIM that was pressing again and again has no more turns than another one") {
  LedgerQueue queue(kEqual);
  for (int i = 0; i < 5; ++i) {
    queue.Push(Work(1, 1, 1));
    LedgerWork inbound = Work(1, 1, 0);
    inbound.inbound.emplace_back();
    queue.Push(std::move(inbound));
    CHECK(queue.Take(kMost).size() == 2);
  }
  queue.Push(Work(1, 2, 1));
  std::vector<int64_t> order;
  for (int i = 0; i < 4; ++i) {
    queue.Push(Work(1, 1, 1));
    order.push_back(queue.Take(1).at(0).sim_id);
  }
  // The one turn that it had left, and then one after the other.
  CHECK(order == std::vector<int64_t>{1, 2, 1, 1});
  CHECK(queue.size() == 0);
}

TEST_CASE("Room is an account's own") {
  LedgerQueue queue(kEqual);
  for (int i = 0; i < 10; ++i) queue.Push(Work(1, i, 1));
  CHECK(queue.Full(Work(1, 50, 1), 10));
  CHECK_FALSE(queue.Full(Work(2, 50, 1), 10));
  (void)queue.Take(kMost);
  CHECK_FALSE(queue.Full(Work(1, 50, 1), 10));
}

}  // namespace
}  // namespace mo::sims
