#include "tools/simulator/settings.h"

namespace mo::simulator {

void Counters::Reset() {
  for (std::atomic<int64_t>* counter :
       {&messages, &accepted, &refused, &repeated, &results_dropped, &receipts_sent, &inbound,
        &replayed, &attaches, &protocol_errors, &credit_violations}) {
    counter->store(0);
  }
}

}  // namespace mo::simulator
