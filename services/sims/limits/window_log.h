// What passed in a moving window, in memory.
#pragma once

#include <cstdint>
#include <deque>

namespace mo::sims {

// The twin of the logs in send_limits.lua: what it counts in a window is never less than what
// passed in it, and at most a hundredth of the window older. Times are µs since 1970. Not
// thread-safe.
class WindowLog {
 public:
  struct Slot {
    int64_t start = 0;
    int64_t count = 0;
    int64_t unreported = 0;  // of these, what Redis does not know
  };

  // 0 when one more may pass under a limit (count 0: none), else when to ask again. Bulk leaves a
  // tenth to interactive messages, and stays away while one of those waits.
  int64_t Admit(int64_t count, int64_t window, bool interactive, int64_t now);
  void Add(int64_t window, int64_t now, bool reported);
  // Nothing passes before this time.
  void Hold(int64_t until);
  // Whether nothing is left that Admit would look at.
  bool Idle(int64_t window, int64_t now);

  const std::deque<Slot>& slots() const { return slots_; }
  void Reported();

 private:
  void Prune(int64_t window, int64_t now);

  int64_t held_ = 0;
  int64_t urgent_ = 0;
  int64_t used_ = 0;
  std::deque<Slot> slots_;
};

}  // namespace mo::sims
