// An order that is fair to accounts.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "libs/runtime/account_weights.h"

namespace mo {

// Items of accounts, of which the account's is next that has had least by its weight since it last
// waited (fair queueing by virtual time). An account's own items stay in their order, those that
// are pressing before the others. An account that had nothing to do gains nothing by that, and one
// that was alone owes nothing for it. Every operation is O(log accounts). Has no lock.
template <class Item>
class FairQueue {
 public:
  // The weights must outlive it.
  explicit FairQueue(const AccountWeights& weights) : weights_(weights) {}

  bool empty() const { return ready_.empty(); }

  void Push(int64_t account_id, Item item, bool pressing = false) {
    Account& account = accounts_[account_id];
    if (account.empty()) {
      idle_.erase({account.pass, account_id});
      account.pass = std::max(account.pass, now_);
      ready_.insert({account.pass, account_id});
    }
    (pressing ? account.pressing : account.items).push_back(std::move(item));
  }

  // The next item; its account has had price(item) more. Not when it is empty.
  template <class Price>
  Item Pop(Price&& price) {
    const auto first = ready_.extract(ready_.begin());
    const auto [pass, account_id] = first.value();
    now_ = pass;
    Account& account = accounts_[account_id];
    std::deque<Item>& items = account.pressing.empty() ? account.items : account.pressing;
    Item item = std::move(items.front());
    items.pop_front();
    account.pass += price(item) / weights_.Of(account_id);
    (account.empty() ? idle_ : ready_).insert({account.pass, account_id});
    Forget();
    return item;
  }
  Item Pop() {
    return Pop([](const Item&) { return 1; });
  }

 private:
  struct Account {
    double pass = 0;  // what it has had, by its weight
    std::deque<Item> pressing;
    std::deque<Item> items;
    bool empty() const { return pressing.empty() && items.empty(); }
  };
  using Order = std::set<std::pair<double, int64_t>>;  // by pass

  // Accounts without items that have had no more than the others: as if they had never been there.
  void Forget() {
    while (!idle_.empty() && (ready_.empty() || idle_.begin()->first <= now_)) {
      accounts_.erase(idle_.begin()->second);
      idle_.erase(idle_.begin());
    }
  }

  const AccountWeights& weights_;
  std::map<int64_t, Account> accounts_;
  Order ready_;
  Order idle_;  // have no items, but have had more than others that wait
  double now_ = 0;
};

}  // namespace mo
