// What an account's rules would have done, message after message, in memory.
#pragma once

#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "services/rules/decide.h"
#include "services/rules/referee.h"
#include "services/rules/rulebook.h"
#include "services/rules/subscriptions.h"

namespace mo::rules {

// Counts for as long as it lives.
class CountedUses final : public Uses {
 public:
  absl::StatusOr<bool> Count(const UseKey& use, int32_t limit) override;
  void TakeBack(const UseKey& use) override;

 private:
  std::map<std::tuple<int64_t, int64_t, absl::Time>, int32_t> counts_;
};

// The rules of an account with one of them replaced or added, which is the one looked at. Not
// thread-safe.
class Rehearsal {
 public:
  // `draft` stands for the rule with its id, as if it were enabled.
  Rehearsal(const Rulebook& book, const v1::Rule& draft);

  const RuleSet& rules() const { return *book_.account->rules; }

  // What becomes of the draft at the next message, in the order of their arrival, and what is done
  // before it counts: limits and answers of all rules. `writer`: see WriterOf.
  absl::StatusOr<v1::Verdict> Judge(const Occasion& occasion, int64_t writer,
                                    const Subscriptions::Channels& channels);

  // What the draft does where it fires, in order.
  std::vector<v1::Action> Actions(const Occasion& occasion) const;

 private:
  const Rulebook book_;
  const v1::Rule* draft_ = nullptr;
  CountedUses uses_;
};

}  // namespace mo::rules
