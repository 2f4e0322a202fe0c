// What providers tell us over HTTP: checked, understood and durable before it is answered.
#pragma once

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

// What ProviderCallbackService does. Waits for commits: call it on threads that may wait.
class Callbacks {
 public:
  Callbacks(App& app, SimDrivers& drivers, LedgerCommit& ledger);

  // UNAVAILABLE when it cannot be made durable now: the provider must bring it again.
  absl::StatusOr<v1::TakeCallbackResponse> Take(const v1::TakeCallbackRequest& request);

  // Makes the events of one SIM durable and waits for it. For events that were asked for as well.
  absl::Status Commit(const SimDriver& sim, const SenderEvents& events);

 private:
  // How a callback ended, for the metric.
  enum class End { kTaken, kHandshake, kUnknownSim, kRefused, kMalformed, kFailed };

  absl::StatusOr<v1::TakeCallbackResponse> TakeFor(const SimDriver& sim, const Callback& callback);
  // The SIMs that a part of a callback is about, of those whose own credentials vouch for it.
  absl::StatusOr<SimDrivers::List> Concerned(const SimDriver& sim, const Callback& callback,
                                             const SenderEvents& events);
  absl::Status CommitAll(std::vector<LedgerWork> works);
  v1::TakeCallbackResponse Ended(End end, int status, std::string body = "",
                                 std::string content_type = "text/plain; charset=utf-8");

  App& app_;
  SimDrivers& drivers_;
  LedgerCommit& ledger_;
  std::map<End, prometheus::Counter*> ends_;
  prometheus::Counter& updates_;
  prometheus::Counter& ignored_;
  prometheus::Counter& unknown_senders_;
};

}  // namespace mo::sims
