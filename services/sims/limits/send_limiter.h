// Holds the networks' limits on our side, shared by all replicas through Redis.
//
// Promises, by the workers' clocks: no window ever holds more than its limit, also when Redis dies,
// comes back, or has forgotten. When it dies, workers that share a SIM keep to their shares, from a
// window later; a worker that has the SIM alone goes on as it was. When it comes back it is told
// what passed meanwhile, and lets nothing of shared SIMs pass until a window and a second later,
// when all have found it. Not covered: a worker that alone is cut off from a living Redis sends its
// share beside the others' limit.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "libs/redis/pool.h"
#include "libs/runtime/clock.h"
#include "services/sims/limits/own_passes.h"
#include "services/sims/limits/send_limits.h"

namespace mo::sims {

// Thread-safe.
class SendLimiter {
 public:
  SendLimiter(redis::Pool& pool, const Clock& clock);

  // Which of the messages may leave now, in their order; one round trip. Interactive messages go
  // first: bulk leaves them a tenth of each window, and the whole of it while one of them waits.
  SendAnswer Ask(const SendLimits& limits, const SendAsk& ask);
  // Nothing passes to a chat, or of the whole SIM (chat ""), before `until`: the network said so.
  void Hold(const SendLimits& limits, const std::string& sim, const std::string& chat,
            absl::Time until);
  // The SIM's lease was lost: others send for it from now on.
  void Forget(const std::string& sim);
  // Whether Redis is away.
  bool degraded() const { return lost_ != 0; }

 private:
  struct Sim {
    std::mutex mutex;
    OwnPasses passes;
    int64_t generation = 0;  // of Redis' memory, as of the last answer
    Sim(std::shared_ptr<Reach> reach, int64_t now) : passes(std::move(reach), now) {}
  };
  struct Keys;

  std::shared_ptr<Sim> Find(const std::string& sim, const std::string& portfolio, int64_t now);
  absl::StatusOr<redis::Reply> Run(const Keys& keys, const std::vector<std::string>& arguments);
  absl::Status Restore(Sim& sim, const SendLimits& limits, const SendAsk& ask, int64_t generation,
                       int64_t now);
  absl::StatusOr<redis::Reply> Decide(Sim& sim, const SendLimits& limits, const SendAsk& ask,
                                      int64_t now);

  redis::Pool& pool_;
  const Clock& clock_;
  const redis::Script script_;
  std::atomic<int64_t> lost_{0};  // since when, µs; 0: it is there
  std::mutex mutex_;
  absl::flat_hash_map<std::string, std::shared_ptr<Sim>> sims_;
  absl::flat_hash_map<std::string, std::shared_ptr<Reach>> reaches_;
};

}  // namespace mo::sims
