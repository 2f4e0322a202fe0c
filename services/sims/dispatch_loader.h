// Loads what SIMs are to send next.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "messageorganizer/sims/v1/dispatch.pb.h"
#include "prometheus/counter.h"

namespace mo::sims {

namespace v1 = messageorganizer::sims::v1;

class Gateway;
class SimSession;

// Sessions ask it for dispatches of a lane; those of an account that ask while a query is running,
// or waits for a thread, share the next one. Nobody waits for others to ask: a broadcast over fifty
// SIMs, which ask at once, takes a few queries, a message alone its own.
class DispatchLoader {
 public:
  explicit DispatchLoader(Gateway& gateway);

  // Has the session told, on a thread of the gateway's, what there is. False when stopping.
  bool Ask(const std::shared_ptr<SimSession>& session, v1::Lane lane);

 private:
  using Lane = std::pair<int64_t, v1::Lane>;  // of an account
  using Asking = std::deque<std::shared_ptr<SimSession>>;
  using Sessions = std::vector<std::shared_ptr<SimSession>>;

  // Everything named "Locked" expects mutex_ held.
  bool PostLocked(Lane lane);
  static Sessions TakeLocked(Asking& asking);
  void LoadNext(Lane lane);
  void Load(Lane lane, const Sessions& sessions);

  Gateway& gateway_;
  std::map<v1::Lane, prometheus::Counter*> asked_, queries_;
  std::mutex mutex_;
  std::map<Lane, Asking> asking_;  // none is empty: a task is posted for each
};

}  // namespace mo::sims
