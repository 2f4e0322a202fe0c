// What providers tell us over HTTP: checked, understood and durable before it is answered.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/runtime/app.h"
#include "messageorganizer/sims/v1/callbacks.pb.h"
#include "services/sims/callback_work.h"
#include "services/sims/inbound_media.h"
#include "services/sims/ledger_commit.h"
#include "services/sims/sim_drivers.h"

namespace mo::sims {

namespace v1 = messageorganizer::sims::v1;

// Who deals with what is not the ledger's. Any may be missing: that is left alone then.
struct CallbackHandlers {
  InboundMedia* media = nullptr;
  // What a network tells of a SIM itself: HealthEvent of all kinds but kTemplate, and of that kind.
  // Blocks; an event may come again. An error: the provider has to bring it again.
  std::function<absl::Status(const SimDriver& sim, const HealthEvent& event)> health = nullptr;
  std::function<absl::Status(const SimDriver& sim, const HealthEvent& event)> approval = nullptr;
};

// What ProviderCallbackService does.
class Callbacks {
 public:
  using Taken = std::function<void(absl::StatusOr<v1::TakeCallbackResponse> response)>;

  Callbacks(App& app, SimDrivers& drivers, LedgerCommit& ledger, CallbackHandlers handlers = {});

  // Answers when it is durable, files that messages carry included, on a thread of the ledger's; no
  // thread waits meanwhile. UNAVAILABLE
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
    std::vector<InboundFile> files;
    std::vector<AwaitedFile> awaited;  // where each of the files belongs
    v1::TakeCallbackResponse response;
  };
  absl::StatusOr<Understood> Understand(const v1::TakeCallbackRequest& request);
  absl::StatusOr<Understood> UnderstandFor(const SimDriver& sim, const Callback& callback);
  // The SIMs that a part of a callback is about, of those whose own credentials vouch for it.
  absl::StatusOr<SimDrivers::List> Concerned(const SimDriver& sim, const Callback& callback,
                                             const SenderEvents& events);
  // Adds what is to be committed of a SIM, and does at once what is not the ledger's.
  absl::Status Add(const std::shared_ptr<const SimDriver>& sim, const SenderEvents& events,
                   Understood& understood);
  absl::Status HeedHealth(const SimDriver& sim, const HealthEvent& event);
  // Brings the files, then commits the works, and runs `done` then or when that cannot be.
  void BringAndCommit(std::vector<LedgerWork> works, std::vector<InboundFile> files,
                      std::vector<AwaitedFile> awaited,
                      std::function<void(const absl::Status&)> done);
  // Runs `done` when all are committed, or some cannot be.
  void CommitAll(std::vector<LedgerWork> works, std::function<void(const absl::Status&)> done);
  Understood Ended(End end, int status, std::string body = "",
                   std::string content_type = "text/plain; charset=utf-8");

  App& app_;
  SimDrivers& drivers_;
  LedgerCommit& ledger_;
  const CallbackHandlers handlers_;
  const int64_t most_waiting_bytes_;
  std::map<End, prometheus::Counter*> ends_;
  std::atomic<int64_t> waiting_bytes_ = 0;  // of callbacks whose events are being committed
  prometheus::Counter& updates_;
  prometheus::Counter& ignored_;
  prometheus::Counter& unknown_senders_;
};

}  // namespace mo::sims
