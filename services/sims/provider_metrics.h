// What can be seen of the traffic with providers.
#pragma once

#include <vector>

#include "libs/runtime/app.h"
#include "services/sims/drivers/consequences.h"

namespace mo::sims {

// Counters by class of outcome, of this process.
class ProviderMetrics {
 public:
  explicit ProviderMetrics(App& app) {
    for (int i = 0; i < kErrorClasses; ++i) {
      const Consequence& consequence = ConsequenceOf(static_cast<ErrorClass>(i));
      outcomes_.push_back(&app.metrics().Counter("mo_sims_provider_outcomes_total",
                                                 "Answers of providers to messages, by class",
                                                 {{"class", std::string(consequence.name)}}));
    }
  }
  void Count(ErrorClass error) { outcomes_[static_cast<size_t>(error)]->Increment(); }

 private:
  std::vector<prometheus::Counter*> outcomes_;
};

}  // namespace mo::sims
