#include "services/sims/limits/window_log.h"

#include <algorithm>

namespace mo::sims {
namespace {

constexpr int64_t kSlots = 100;
constexpr int64_t kReserve = 10;           // of a count, a tenth
constexpr int64_t kUrgentMicros = 100000;  // how long bulk stays away beyond an answer's turn

int64_t Width(int64_t window) { return std::max<int64_t>(1, window / kSlots); }

}  // namespace

void WindowLog::Prune(int64_t window, int64_t now) {
  while (!slots_.empty() && slots_.front().start + Width(window) + window <= now) {
    used_ -= slots_.front().count;
    slots_.pop_front();
  }
}

int64_t WindowLog::Admit(int64_t count, int64_t window, bool interactive, int64_t now) {
  if (now < held_) return held_;
  if (count == 0) return 0;
  Prune(window, now);
  if (!interactive) {
    if (now < urgent_) return urgent_;
    count -= count / kReserve;
  }
  if (used_ < count) return 0;
  int64_t left = used_;
  for (const Slot& slot : slots_) {
    left -= slot.count;
    if (left >= count) continue;
    const int64_t free = slot.start + Width(window) + window;
    if (interactive) urgent_ = std::max(urgent_, free + kUrgentMicros);
    return free;
  }
  return now + window;
}

void WindowLog::Add(int64_t window, int64_t now, bool reported) {
  Prune(window, now);
  const int64_t start = now - now % Width(window);
  // A clock that went back: later slots leave later, which errs on the safe side.
  if (slots_.empty() || slots_.back().start < start) slots_.push_back({start, 0, 0});
  ++slots_.back().count;
  if (!reported) ++slots_.back().unreported;
  ++used_;
}

void WindowLog::Hold(int64_t until) { held_ = std::max(held_, until); }

bool WindowLog::Idle(int64_t window, int64_t now) {
  Prune(window, now);
  return slots_.empty() && held_ <= now && urgent_ <= now;
}

void WindowLog::Reported() {
  for (Slot& slot : slots_) slot.unreported = 0;
}

}  // namespace mo::sims
