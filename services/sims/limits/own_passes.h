// What one worker has let pass for a SIM: what it goes by when Redis is away, and what it tells a
// Redis that has forgotten.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "services/sims/limits/send_limits.h"
#include "services/sims/limits/window_log.h"

namespace mo::sims {

// Different recipients of a SIM, or of all SIMs of a portfolio in this process. Thread-safe.
class Reach {
 public:
  // How many there are, as far as this worker knows.
  int64_t used();
  // What Redis said how many there are.
  void Used(int64_t used);
  // Whether one more message may go to `key` without Redis, which `share` workers split what was
  // left; 0 or when to ask again.
  int64_t Admit(const WindowLimit& limit, int64_t workers, const std::string& key, int64_t now);
  void Add(const WindowLimit& limit, const std::string& key, int64_t now, bool reported);
  // (key, time) of all in the window.
  std::vector<std::pair<std::string, int64_t>> All(absl::Duration window, int64_t now);

 private:
  void Prune(absl::Duration window, int64_t now);

  std::mutex mutex_;
  absl::flat_hash_map<std::string, int64_t> times_;
  size_t prune_at_ = 1024;
  int64_t used_ = 0;    // as Redis said last
  int64_t beyond_ = 0;  // new ones since then
};

// Not thread-safe. Times are µs since 1970.
class OwnPasses {
 public:
  OwnPasses(std::shared_ptr<Reach> reach, int64_t now) : reach_(std::move(reach)), since_(now) {}

  // Whether this worker alone has sent for the SIM for a whole window.
  bool Alone(const SendLimits& limits, int64_t now) const;
  // Decides without Redis, which has been away since `lost`.
  SendAnswer Decide(const SendLimits& limits, const SendAsk& ask, int64_t lost, int64_t now);
  // Redis has decided, and counts this many different recipients.
  void Note(const SendLimits& limits, const SendAsk& ask, const SendAnswer& answer, int64_t used,
            int64_t now);
  // As SendLimiter::Hold.
  void Hold(const SendLimits& limits, const std::string& chat, int64_t until);

  // Whether something passed that Redis was not told.
  bool unreported() const { return unreported_; }
  // What Redis is told: all that still counts, or only what it does not know. `groups` become
  // keys, `arguments` are those of the script's restore after the three windows.
  void Report(const SendLimits& limits, bool all, int64_t now, std::vector<std::string>& groups,
              std::vector<std::string>& arguments);
  void Reported();

 private:
  void Add(const SendLimits& limits, const SendAsk::To& to, int64_t now, bool reported);
  void Prune(const SendLimits& limits, int64_t now);

  const std::shared_ptr<Reach> reach_;
  const int64_t since_;
  bool unreported_ = false;
  WindowLog sim_;
  absl::flat_hash_map<std::string, WindowLog> groups_;
  absl::flat_hash_map<std::string, int64_t> chats_;  // TAT
  size_t prune_at_ = 1024;
};

}  // namespace mo::sims
