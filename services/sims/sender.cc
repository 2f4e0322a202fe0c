#include "services/sims/sender.h"

#include <algorithm>
#include <cmath>

namespace mo::sims {
namespace {

// Most messages in one request for windows: large enough to share a commit, small enough that a
// pause or an answer waits for few.
constexpr int kMaxCut = 256;
// Of the credit, what bulk leaves to interactive messages.
constexpr int kReserve = 10;  // percent
// What may be sent at once after a pause, in seconds of the rate.
constexpr double kBurstSeconds = 0.1;

}  // namespace

void Sender::SetRate(int messages_per_second, absl::Time now) {
  if (rate_ == messages_per_second) return;
  Refill(now);
  const bool limited = rate_ > 0;
  rate_ = messages_per_second;
  // A rate that changes often must not bring a burst each time.
  const double burst = std::max(1.0, rate_ * kBurstSeconds);
  tokens_ = limited ? std::min(tokens_, burst) : burst;
  refill_time_ = now;
}

void Sender::Refill(absl::Time now) {
  if (rate_ == 0) return;
  const double burst = std::max(1.0, rate_ * kBurstSeconds);
  tokens_ = std::min(burst, tokens_ + rate_ * absl::ToDoubleSeconds(now - refill_time_));
  refill_time_ = now;
}

void Sender::Offer(std::vector<std::shared_ptr<LoadedDispatch>> dispatches) {
  for (auto& dispatch : dispatches) {
    if (!known_.emplace(dispatch->id, dispatch).second) continue;
    Lane(dispatch->lane).push_back(dispatch);
  }
}

Sender::Cut Sender::Next(absl::Time now, bool interactive_only) {
  Cut cut;
  int room = std::min(kMaxCut, credit_ - asked_ - in_flight());
  if (rate_ > 0) {
    Refill(now);
    room = std::min(room, static_cast<int>(std::floor(tokens_)));
  }
  CutFrom(interactive_, room, now, cut);
  cut.interactive = cut.size > 0;
  if (!cut.interactive && !interactive_only) {
    const int reserve = std::max(1, credit_ * kReserve / 100);
    CutFrom(bulk_, std::min(room, credit_ - reserve - asked_ - in_flight()), now, cut);
  }
  asked_ += cut.size;
  if (rate_ > 0) tokens_ -= cut.size;
  return cut;
}

void Sender::CutFrom(Queue& queue, int limit, absl::Time now, Cut& cut) {
  while (limit > 0 && !queue.empty()) {
    const std::shared_ptr<LoadedDispatch> dispatch = queue.front();
    if (dispatch->QuietAt(now)) {
      Forget(dispatch);
      continue;
    }
    std::deque<int>& source = dispatch->resend.empty() ? dispatch->queued : dispatch->resend;
    if (!source.empty()) {
      Window window;
      window.dispatch_id = dispatch->id;
      window.resend = &source == &dispatch->resend;
      window.ignore_suppression = dispatch->ignore_suppression;
      window.expire_time = dispatch->expire_time;
      while (limit > 0 && !source.empty()) {
        window.indices.push_back(source.front());
        window.contact_ids.push_back(dispatch->contact_ids[static_cast<size_t>(source.front())]);
        source.pop_front();
        --limit;
      }
      dispatch->outstanding += static_cast<int>(window.indices.size());
      cut.size += static_cast<int>(window.indices.size());
      cut.windows.push_back(std::move(window));
      cut.dispatches.push_back(dispatch);
    }
    if (dispatch->drained()) queue.pop_front();
  }
}

void Sender::Postpone(const std::vector<std::vector<absl::Time>>& until, Cut& cut) {
  for (size_t w = 0; w < cut.windows.size(); ++w) {
    Window& window = cut.windows[w];
    size_t left = 0;
    for (size_t i = 0; i < window.indices.size(); ++i) {
      if (until[w][i] == absl::InfinitePast()) {
        window.indices[left] = window.indices[i];
        window.contact_ids[left++] = window.contact_ids[i];
      } else {
        // Stays outstanding, as in Later.
        retries_.push_back({until[w][i], window.indices[i], cut.dispatches[w]});
      }
    }
    const int waiting = static_cast<int>(window.indices.size() - left);
    asked_ -= waiting;
    cut.size -= waiting;
    window.indices.resize(left);
    window.contact_ids.resize(left);
  }
}

void Sender::Opened(const Cut& cut, const LedgerOutcome& outcome) {
  asked_ -= cut.size;
  for (size_t w = 0; w < cut.windows.size(); ++w) {
    const auto& dispatch = cut.dispatches[w];
    const std::vector<int>& opened = outcome.opened[w];
    for (int index : opened) in_flight_[DeliveryKey(dispatch->id, index)] = {dispatch};
    dispatch->outstanding -= static_cast<int>(cut.windows[w].indices.size() - opened.size());
    if (std::find(outcome.paused.begin(), outcome.paused.end(), dispatch->id) !=
        outcome.paused.end()) {
      Forget(dispatch);
    } else {
      Settle(dispatch);
    }
  }
}

void Sender::SentIn(int64_t key, int64_t frame) {
  if (const auto found = in_flight_.find(key); found != in_flight_.end())
    found->second.frame = frame;
}

bool Sender::MayThrottle(int64_t key, int64_t acked) const {
  const auto found = in_flight_.find(key);
  if (found == in_flight_.end()) return !known_.contains(DispatchOf(key));
  return found->second.frame > 0 && found->second.frame <= acked;
}

bool Sender::Resolved(int64_t key) {
  const auto found = in_flight_.find(key);
  if (found == in_flight_.end()) return false;
  const std::shared_ptr<LoadedDispatch> dispatch = found->second.dispatch;
  in_flight_.erase(found);
  --dispatch->outstanding;
  Settle(dispatch);
  return true;
}

bool Sender::Resolved(int64_t key, int64_t acked) {
  const auto found = in_flight_.find(key);
  if (found == in_flight_.end() || found->second.frame == 0 || found->second.frame > acked)
    return false;
  return Resolved(key);
}

void Sender::Later(int64_t key, absl::Time when) {
  const auto found = in_flight_.find(key);
  if (found == in_flight_.end()) return;
  // Stays outstanding until it is put back, so that its dispatch is not loaded a second time
  // meanwhile.
  retries_.push_back({when, IndexOf(key), found->second.dispatch});
  in_flight_.erase(found);
}

void Sender::Tick(absl::Time now) {
  std::vector<std::shared_ptr<LoadedDispatch>> again;
  std::erase_if(retries_, [&](const Retry& retry) {
    if (retry.when > now) return false;
    --retry.dispatch->outstanding;
    if (known_.contains(retry.dispatch->id)) {
      if (retry.dispatch->drained()) again.push_back(retry.dispatch);
      retry.dispatch->queued.push_back(retry.index);
    }
    return true;
  });
  // What one person is told stays in its order.
  for (auto dispatch = again.rbegin(); dispatch != again.rend(); ++dispatch)
    Lane((*dispatch)->lane).push_front(std::move(*dispatch));
}

std::vector<int64_t> Sender::Known() const {
  std::vector<int64_t> ids;
  for (const auto& [id, dispatch] : known_) ids.push_back(id);
  return ids;
}

std::vector<int64_t> Sender::TakeDoubtful() {
  std::vector<int64_t> keys;
  for (const auto& [id, dispatch] : known_) {
    if (dispatch->resend.empty()) continue;
    for (int index : dispatch->resend) keys.push_back(DeliveryKey(id, index));
    dispatch->outstanding += static_cast<int>(dispatch->resend.size());
    dispatch->resend.clear();
    if (dispatch->drained()) Unqueue(dispatch);
  }
  return keys;
}

void Sender::Settled(const std::vector<int64_t>& doubtful) {
  for (int64_t key : doubtful) {
    const auto found = known_.find(DispatchOf(key));
    if (found == known_.end()) continue;
    const std::shared_ptr<LoadedDispatch> dispatch = found->second;
    --dispatch->outstanding;
    Settle(dispatch);
  }
}

void Sender::Unqueue(const std::shared_ptr<LoadedDispatch>& dispatch) {
  Queue& queue = Lane(dispatch->lane);
  queue.erase(std::remove(queue.begin(), queue.end(), dispatch), queue.end());
}

void Sender::Forget(const std::shared_ptr<LoadedDispatch>& dispatch) {
  Unqueue(dispatch);
  // What is in flight goes on by the pointers in in_flight_; what was not sent is loaded again
  // after the pause or quiet hours, and what is in flight then is excluded by its outstanding
  // count.
  dispatch->queued.clear();
  dispatch->resend.clear();
  Settle(dispatch);
}

void Sender::Settle(const std::shared_ptr<LoadedDispatch>& dispatch) {
  if (dispatch->drained() && dispatch->outstanding == 0) known_.erase(dispatch->id);
}

}  // namespace mo::sims
