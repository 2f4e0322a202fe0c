// What a SIM sends next: two lanes, credit, rate. No I/O and no lock of its own; its owner holds
// one.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "services/sims/ledger_work.h"
#include "services/sims/loaded_dispatch.h"

namespace mo::sims {

// Cuts windows out of loaded dispatches. Interactive ones go first, and bulk ones leave them some
// credit.
class Sender {
 public:
  // A request to open windows, with the dispatches they are cut from.
  struct Cut {
    std::vector<Window> windows;
    std::vector<std::shared_ptr<LoadedDispatch>> dispatches;  // of each window
    int size = 0;
    bool interactive = false;
  };

  void SetCredit(int credit) { credit_ = credit; }
  // A rate in whole messages: 0 stays no limit, and a slower one than one a second is left to
  // others.
  static int WholeRate(double rate) { return rate <= 0 ? 0 : std::max(1, static_cast<int>(rate)); }
  // 0: as fast as there is credit.
  void SetRate(int messages_per_second, absl::Time now);

  // Takes what was loaded; what it has already is left out.
  void Offer(std::vector<std::shared_ptr<LoadedDispatch>> dispatches);
  // The next windows, of one lane; empty when there is nothing to send, no credit, or the rate is
  // used up. Dispatches whose quiet hours have begun are forgotten.
  Cut Next(absl::Time now, bool interactive_only = false);
  // Takes out of a cut whoever has to wait: by window and recipient until when, InfinitePast who
  // need not. They are offered again then; what they took of the rate is lost.
  void Postpone(const std::vector<std::vector<absl::Time>>& until, Cut& cut);
  // What became of a cut: the opened ones are in flight, the others free their credit. Paused
  // dispatches are forgotten.
  void Opened(const Cut& cut, const LedgerOutcome& outcome);
  // The message leaves in the gateway's frame with this number.
  void SentIn(int64_t key, int64_t frame);
  // Whether "not now" is said of what this session has sent, by a device that has read the frame
  // with it, or of an earlier session's message that this one has not touched. Else it is an answer
  // to an earlier attempt, said again; the message may be on its way once more.
  bool MayThrottle(int64_t key, int64_t acked) const;
  // An answer was committed: the message is no longer in flight. False when it was not.
  bool Resolved(int64_t key);
  // The same of a device that had read the gateway's frames up to `acked` when it gave the answer.
  // Before it has read the frame with the message it speaks of an earlier attempt; this one takes
  // its credit until it is answered itself.
  bool Resolved(int64_t key, int64_t acked);
  // The device refused for now: the message is offered again at `when`.
  void Later(int64_t key, absl::Time when);
  // Puts back what is due again.
  void Tick(absl::Time now);

  // Numbers of all dispatches in memory, not to be loaded again.
  std::vector<int64_t> Known() const;
  // Whether a lane has so little left that more should be loaded.
  bool Low(v1::Lane lane) const { return Lane(lane).size() < (lane == v1::LANE_BULK ? 2 : 16); }
  // Whether results are not needed soon: most of the credit is free.
  bool Relaxed() const { return (in_flight() + asked_) * 4 < credit_; }
  int in_flight() const { return static_cast<int>(in_flight_.size()); }
  // Messages of an earlier lease that a device without idempotency may have sent: taken out, to
  // become uncertain. Their dispatches stay known until Settled.
  std::vector<int64_t> TakeDoubtful();
  // The doubtful messages were committed as uncertain.
  void Settled(const std::vector<int64_t>& doubtful);

 private:
  using Queue = std::deque<std::shared_ptr<LoadedDispatch>>;
  struct Flight {
    std::shared_ptr<LoadedDispatch> dispatch;
    int64_t frame = 0;  // 0: not written yet
  };
  struct Retry {
    absl::Time when;
    int index;
    std::shared_ptr<LoadedDispatch> dispatch;
  };

  void Refill(absl::Time now);
  Queue& Lane(v1::Lane lane) { return lane == v1::LANE_BULK ? bulk_ : interactive_; }
  const Queue& Lane(v1::Lane lane) const { return lane == v1::LANE_BULK ? bulk_ : interactive_; }
  void CutFrom(Queue& queue, int limit, absl::Time now, Cut& cut);
  void Forget(const std::shared_ptr<LoadedDispatch>& dispatch);
  void Unqueue(const std::shared_ptr<LoadedDispatch>& dispatch);
  void Settle(const std::shared_ptr<LoadedDispatch>& dispatch);

  int credit_ = 0;
  int asked_ = 0;  // in cuts that are not opened yet
  int rate_ = 0;
  double tokens_ = 0;
  absl::Time refill_time_;
  Queue interactive_;
  Queue bulk_;
  absl::flat_hash_map<int64_t, std::shared_ptr<LoadedDispatch>> known_;
  absl::flat_hash_map<int64_t, Flight> in_flight_;  // by key
  std::vector<Retry> retries_;
};

}  // namespace mo::sims
