#include "services/sims/limits/own_passes.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace mo::sims {
namespace {

int64_t Micros(absl::Duration duration) { return absl::ToInt64Microseconds(duration); }

// A worker's share of a limit of several. None when it is less than one message.
WindowLimit ShareOf(WindowLimit limit, int64_t workers) {
  return {limit.count / workers, limit.window};
}

// Refills together are those of the whole; only bursts may coincide.
Spacing ShareOf(Spacing spacing, int64_t workers) {
  return {spacing.interval * workers, std::max<int64_t>(1, spacing.burst / workers)};
}

int64_t Tolerance(const Spacing& spacing) { return (spacing.burst - 1) * Micros(spacing.interval); }

}  // namespace

absl::Time SendAnswer::Next() const {
  absl::Time next = absl::InfiniteFuture();
  for (size_t i = 0; i < when.size(); ++i) {
    if (!Passes(i)) next = std::min(next, when[i]);
  }
  return next;
}

int64_t Reach::used() {
  std::lock_guard lock(mutex_);
  return used_ + beyond_;
}

void Reach::Used(int64_t used) {
  std::lock_guard lock(mutex_);
  used_ = used;
  beyond_ = 0;
}

int64_t Reach::Admit(const WindowLimit& limit, int64_t workers, const std::string& key,
                     int64_t now) {
  if (limit.count == 0) return 0;
  std::lock_guard lock(mutex_);
  const auto found = times_.find(key);
  if (found != times_.end() && found->second > now - Micros(limit.window)) return 0;
  if (beyond_ < (limit.count - used_) / workers) return 0;
  return now + Micros(limit.window) / 100;
}

void Reach::Add(const WindowLimit& limit, const std::string& key, int64_t now, bool reported) {
  if (limit.count == 0) return;
  std::lock_guard lock(mutex_);
  Prune(limit.window, now);
  const auto [entry, added] = times_.insert_or_assign(key, now);
  if (added && !reported) ++beyond_;
}

std::vector<std::pair<std::string, int64_t>> Reach::All(absl::Duration window, int64_t now) {
  std::lock_guard lock(mutex_);
  prune_at_ = 0;
  Prune(window, now);
  return {times_.begin(), times_.end()};
}

void Reach::Prune(absl::Duration window, int64_t now) {
  if (times_.size() < prune_at_) return;
  absl::erase_if(times_, [&](const auto& entry) { return entry.second <= now - Micros(window); });
  prune_at_ = std::max<size_t>(1024, times_.size() * 2);
}

bool OwnPasses::Alone(const SendLimits& limits, int64_t now) const {
  return limits.workers == 1 && since_ + Micros(limits.sim.window) <= now;
}

SendAnswer OwnPasses::Decide(const SendLimits& limits, const SendAsk& ask, int64_t lost,
                             int64_t now) {
  const WindowLimit sim = ShareOf(limits.sim, limits.workers);
  const WindowLimit group = ShareOf(limits.group, limits.workers);
  const Spacing chat = ShareOf(limits.chat, limits.workers);
  // Until Redis went, the others may have used the limit up: shares begin a window later. A worker
  // that has been alone for a window knows all that passed.
  const int64_t begin = limits.workers == 1 ? since_ : lost;
  const auto admit = [&](WindowLog& log, const WindowLimit& whole, const WindowLimit& share) {
    if (whole.count > 0 && now < begin + Micros(whole.window)) return begin + Micros(whole.window);
    if (whole.count > 0 && share.count == 0) return now + Micros(whole.window);
    return log.Admit(share.count, Micros(share.window), ask.interactive, now);
  };
  SendAnswer answer;
  for (const SendAsk::To& to : ask.to) {
    const auto tat = chats_.find(to.key);
    int64_t wait = 0;
    if (tat != chats_.end() && tat->second > now + Tolerance(chat)) {
      wait = tat->second - Tolerance(chat);
    }
    if (wait == 0 && to.group) wait = admit(groups_[to.key], limits.group, group);
    if (wait == 0 && to.counted) {
      wait = reach_->Admit(limits.recipients, limits.workers, to.key, now);
    }
    if (wait == 0) wait = admit(sim_, limits.sim, sim);
    if (wait == 0) {
      Add(limits, to, now, /*reported=*/false);
      if (limits.workers > 1 && chats_.contains(to.key)) {
        chats_[to.key] += Micros(chat.interval - limits.chat.interval);
      }
      ++answer.passed;
    }
    answer.when.push_back(wait == 0 ? absl::InfinitePast() : absl::FromUnixMicros(wait));
  }
  answer.recipients = reach_->used();
  if (answer.passed > 0) unreported_ = true;
  Prune(limits, now);
  return answer;
}

void OwnPasses::Note(const SendLimits& limits, const SendAsk& ask, const SendAnswer& answer,
                     int64_t used, int64_t now) {
  reach_->Used(used);
  for (size_t i = 0; i < ask.to.size(); ++i) {
    if (answer.Passes(i)) Add(limits, ask.to[i], now, /*reported=*/true);
  }
  Prune(limits, now);
}

void OwnPasses::Add(const SendLimits& limits, const SendAsk::To& to, int64_t now, bool reported) {
  if (limits.sim.count > 0) sim_.Add(Micros(limits.sim.window), now, reported);
  if (to.group && limits.group.count > 0) {
    groups_[to.key].Add(Micros(limits.group.window), now, reported);
  }
  if (limits.chat.interval > absl::ZeroDuration()) {
    int64_t& tat = chats_[to.key];
    tat = std::max(tat, now) + Micros(limits.chat.interval);
  }
  if (to.counted) reach_->Add(limits.recipients, to.key, now, reported);
}

void OwnPasses::Hold(const SendLimits& limits, const std::string& chat, int64_t until) {
  if (chat.empty()) return sim_.Hold(until);
  int64_t& tat = chats_[chat];
  tat = std::max(tat, until + Tolerance(limits.chat));
}

void OwnPasses::Prune(const SendLimits& limits, int64_t now) {
  if (chats_.size() + groups_.size() < prune_at_) return;
  absl::erase_if(chats_, [&](const auto& entry) { return entry.second <= now; });
  absl::erase_if(groups_,
                 [&](auto& entry) { return entry.second.Idle(Micros(limits.group.window), now); });
  prune_at_ = std::max<size_t>(1024, (chats_.size() + groups_.size()) * 2);
}

void OwnPasses::Report(const SendLimits& limits, bool all, int64_t now,
                       std::vector<std::string>& groups, std::vector<std::string>& arguments) {
  const auto add = [&](const WindowLog& log) {
    const size_t length = arguments.size();
    arguments.emplace_back();
    int64_t n = 0;
    for (const WindowLog::Slot& slot : log.slots()) {
      const int64_t count = all ? slot.count : slot.unreported;
      if (count == 0) continue;
      ++n;
      arguments.push_back(absl::StrCat(slot.start));
      arguments.push_back(absl::StrCat(count));
    }
    arguments[length] = absl::StrCat(n);
  };
  const auto pairs = [&](const auto& entries) {
    arguments.push_back(absl::StrCat(entries.size()));
    for (const auto& [key, time] : entries) {
      arguments.push_back(key);
      arguments.push_back(absl::StrCat(time));
    }
  };
  prune_at_ = 0;
  Prune(limits, now);
  add(sim_);
  for (const auto& [key, log] : groups_) {
    groups.push_back(key);
    add(log);
  }
  // Both are merged by the greatest, so that all can be told again.
  pairs(chats_);
  pairs(limits.recipients.count > 0 ? reach_->All(limits.recipients.window, now)
                                    : std::vector<std::pair<std::string, int64_t>>());
}

void OwnPasses::Reported() {
  unreported_ = false;
  sim_.Reported();
  for (auto& [key, log] : groups_) log.Reported();
}

}  // namespace mo::sims
