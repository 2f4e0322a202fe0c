// What providers tell us over HTTP: checked, understood and durable before it is answered.
#pragma once

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/runtime/app.h"
#include "messageorganizer/sims/v1/callbacks.pb.h"
#include "services/sims/ledger_commit.h"
#include "services/sims/sim_drivers.h"

namespace mo::sims {

namespace v1 = messageorganizer::sims::v1;

// What ProviderCallbackService does.
class Callbacks {
 public:
  using Taken = std::function<void(absl::StatusOr<v1::TakeCallbackResponse> response)>;

  Callbacks(App& app, SimDrivers& drivers, LedgerCommit& ledger);

  // Answers when it is durable, on a thread of the ledger's; no thread waits meanwhile. UNAVAILABLE
  // when it cannot be made so now: the provider must bring it again.
  void Take(const v1::TakeCallbackRequest& request, Taken taken);

  // Makes the events of one SIM durable and waits for it. For events that were asked for as well.
  absl::Status Commit(const SimDriver& sim, const SenderEvents& events);

 private:
  // How a callback ended, for the metric.
  enum class End { kTaken, kHandshake, kUnknownSim, kRefused, kMalformed, kFailed };

  // What is to be committed, and how it is answered then.
  struct Understood {
    std::vector<LedgerWork> works;
    v1::TakeCallbackResponse response;
  };
  absl::StatusOr<Understood> Understand(const v1::TakeCallbackRequest& request);
  absl::StatusOr<Understood> UnderstandFor(const SimDriver& sim, const Callback& callback);
  // The SIMs that a part of a callback is about, of those whose own credentials vouch for it.
  absl::StatusOr<SimDrivers::List> Concerned(const SimDriver& sim, const Callback& callback,
                                             const SenderEvents& events);
  // Runs `done` when all are committed, or some cannot be.
  void CommitAll(std::vector<LedgerWork> works, std::function<void(const absl::Status&)> done);
  Understood Ended(End end, int status, std::string body = "",
                   std::string content_type = "text/plain; charset=utf-8");

  App& app_;
  SimDrivers& drivers_;
  LedgerCommit& ledger_;
  const int64_t most_waiting_bytes_;
  std::map<End, prometheus::Counter*> ends_;
  std::atomic<int64_t> waiting_bytes_ = 0;  // of callbacks whose events are being committed
  prometheus::Counter& updates_;
  prometheus::Counter& ignored_;
  prometheus::Counter& unknown_senders_;
};

}  // namespace mo::sims
