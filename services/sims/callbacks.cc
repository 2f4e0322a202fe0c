#include "services/sims/callbacks.h"

#include <future>
#include <mutex>

#include "absl/flags/flag.h"
#include "libs/runtime/errors.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "services/sims/callback_work.h"

ABSL_FLAG(int64_t, sims_callback_bytes, int64_t{256} << 20,
          "most bytes of callbacks that are not durable yet; more are refused for now");

namespace mo::sims {
namespace {

absl::Status Busy() {
  return WithRetryDelay(
      Error(absl::StatusCode::kUnavailable, "OVERLOADED", "the ledger is busy, try again"),
      absl::Seconds(1));
}

v1::TakeCallbackResponse Answer(int status, std::string body, std::string content_type) {
  v1::TakeCallbackResponse response;
  response.set_status(status);
  response.set_content_type(std::move(content_type));
  response.set_body(std::move(body));
  return response;
}

}  // namespace

Callbacks::Callbacks(App& app, SimDrivers& drivers, LedgerCommit& ledger, CallbackHandlers handlers)
    : app_(app),
      drivers_(drivers),
      ledger_(ledger),
      handlers_(std::move(handlers)),
      most_waiting_bytes_(absl::GetFlag(FLAGS_sims_callback_bytes)),
      updates_(app.metrics().Counter("mo_sims_callback_updates_total",
                                     "Messages, receipts and memberships that providers told")),
      ignored_(
          app.metrics().Counter("mo_sims_callback_ignored_total",
                                "Parts of callbacks that are of no use here or not understood")),
      unknown_senders_(app.metrics().Counter(
          "mo_sims_callback_unknown_senders_total",
          "Parts of callbacks about a sender that is no SIM of ours, or vouched for by none")) {
  const std::pair<End, const char*> names[] = {
      {End::kTaken, "taken"},     {End::kHandshake, "handshake"}, {End::kUnknownSim, "unknown_sim"},
      {End::kRefused, "refused"}, {End::kMalformed, "malformed"}, {End::kFailed, "failed"}};
  for (const auto& [end, name] : names) {
    ends_[end] = &app.metrics().Counter("mo_sims_callbacks_total", "Callbacks of providers",
                                        {{"end", name}});
  }
}

void Callbacks::Take(const v1::TakeCallbackRequest& request, Taken taken) {
  absl::StatusOr<Understood> understood = Understand(request);
  if (!understood.ok()) {
    ends_.at(End::kFailed)->Increment();
    return taken(understood.status());
  }
  if (understood->works.empty()) return taken(std::move(understood->response));
  // No thread waits with them, so nothing else bounds what they hold.
  const auto bytes = static_cast<int64_t>(request.body().size());
  if ((waiting_bytes_ += bytes) > most_waiting_bytes_) {
    waiting_bytes_ -= bytes;
    ends_.at(End::kFailed)->Increment();
    return taken(Busy());
  }
  BringAndCommit(std::move(understood->works), std::move(understood->files),
                 std::move(understood->awaited),
                 [this, bytes, taken = std::move(taken),
                  response = std::move(understood->response)](const absl::Status& status) mutable {
                   waiting_bytes_ -= bytes;
                   ends_.at(status.ok() ? End::kTaken : End::kFailed)->Increment();
                   if (!status.ok()) return taken(status);
                   taken(std::move(response));
                 });
}

absl::StatusOr<Callbacks::Understood> Callbacks::Understand(
    const v1::TakeCallbackRequest& request) {
  const std::optional<int64_t> sim_id = ParseId("sim", request.sim_id());
  std::shared_ptr<const SimDriver> sim;
  if (sim_id) {
    MO_ASSIGN_OR_RETURN(sim, drivers_.Find(*sim_id));
  }
  // 200: a provider that is told otherwise would go on for days, for a SIM that is gone.
  if (sim == nullptr || sim->driver->settings().driver != request.driver())
    return Ended(End::kUnknownSim, 200);
  http::Headers headers;
  for (const v1::CallbackHeader& header : request.headers())
    headers.Add(header.name(), header.value());
  return UnderstandFor(*sim, {request.method(), request.query(), headers, request.body()});
}

absl::StatusOr<Callbacks::Understood> Callbacks::UnderstandFor(const SimDriver& sim,
                                                               const Callback& callback) {
  if (const std::optional<CallbackAnswer> answer = sim.driver->Handshake(callback)) {
    return Ended(answer->status < 300 ? End::kHandshake : End::kRefused, answer->status,
                 answer->body);
  }
  if (!sim.driver->Verify(callback).ok()) return Ended(End::kRefused, 403);
  absl::StatusOr<CallbackEvents> events = sim.driver->ParseCallback(callback, app_.clock().Now());
  if (!events.ok()) {
    // It is the provider's word, but not one that coming again would make clearer.
    Log(LogLevel::kError, "a callback was not understood",
        {{"sim", FormatId("sim", sim.sim_id)},
         {"driver", sim.driver->settings().driver},
         {"bytes", callback.body.size()}});
    return Ended(End::kMalformed, 200);
  }
  ignored_.Increment(events->ignored);
  Understood understood;
  for (const SenderEvents& part : events->senders) {
    MO_ASSIGN_OR_RETURN(const SimDrivers::List concerned, Concerned(sim, callback, part));
    if (concerned.empty()) unknown_senders_.Increment();
    for (const auto& each : concerned) MO_RETURN_IF_ERROR(Add(each, part, understood));
  }
  // Counted when it is committed.
  if (understood.works.empty())
    return Ended(End::kTaken, 200, std::move(events->answer), std::move(events->answer_type));
  understood.response = Answer(200, std::move(events->answer), std::move(events->answer_type));
  return understood;
}

absl::Status Callbacks::Add(const std::shared_ptr<const SimDriver>& sim, const SenderEvents& events,
                            Understood& understood) {
  for (const HealthEvent& event : events.health) MO_RETURN_IF_ERROR(HeedHealth(*sim, event));
  ignored_.Increment(AddWorks(*sim, events, understood.works, understood.awaited));
  for (size_t i = understood.files.size(); i < understood.awaited.size(); ++i) {
    const AwaitedFile& awaited = understood.awaited[i];
    const v1::Inbound& message = understood.works[awaited.work].inbound[awaited.message];
    understood.files.push_back(
        {sim, message.provider_message_id(), message.content().media().filename(), awaited.media});
  }
  return absl::OkStatus();
}

absl::Status Callbacks::HeedHealth(const SimDriver& sim, const HealthEvent& event) {
  const auto& heed =
      event.kind == HealthEvent::Kind::kTemplate ? handlers_.approval : handlers_.health;
  if (heed) return heed(sim, event);
  ignored_.Increment();
  return absl::OkStatus();
}

absl::StatusOr<SimDrivers::List> Callbacks::Concerned(const SimDriver& sim,
                                                      const Callback& callback,
                                                      const SenderEvents& events) {
  const DriverSettings& settings = sim.driver->settings();
  Credentials::By by = Credentials::By::kBusiness;
  std::string value = events.business_id;
  bool own = value.empty();  // nobody is named
  if (!events.sender_id.empty()) {
    by = Credentials::By::kSender;
    value = events.sender_id;
    own = value == settings.sender_id;
  } else if (!events.sender_address.empty()) {
    by = Credentials::By::kAddress;
    value = events.sender_address;
    own = value == settings.address;
  }
  if (own) {
    MO_ASSIGN_OR_RETURN(std::shared_ptr<const SimDriver> self, drivers_.Find(sim.sim_id));
    return self == nullptr ? SimDrivers::List() : SimDrivers::List{std::move(self)};
  }
  MO_ASSIGN_OR_RETURN(SimDrivers::List list, drivers_.Find(settings.driver, by, value));
  // Anybody may have a SIM with somebody else's ids: only who knows its secrets speaks for it.
  list.erase(std::remove_if(list.begin(), list.end(),
                            [&](const std::shared_ptr<const SimDriver>& each) {
                              return !each->driver->Verify(callback).ok();
                            }),
             list.end());
  return list;
}

absl::Status Callbacks::Commit(const SimDriver& sim, const SenderEvents& events) {
  Understood understood;
  // Kept by the caller until this returns.
  const std::shared_ptr<const SimDriver> kept(std::shared_ptr<const SimDriver>(), &sim);
  MO_RETURN_IF_ERROR(Add(kept, events, understood));
  std::promise<absl::Status> committed;
  BringAndCommit(std::move(understood.works), std::move(understood.files),
                 std::move(understood.awaited),
                 [&](const absl::Status& status) { committed.set_value(status); });
  return committed.get_future().get();
}

void Callbacks::BringAndCommit(std::vector<LedgerWork> works, std::vector<InboundFile> files,
                               std::vector<AwaitedFile> awaited,
                               std::function<void(const absl::Status&)> done) {
  if (files.empty() || handlers_.media == nullptr)
    return CommitAll(std::move(works), std::move(done));
  // Copied with the function, so held by what can be.
  auto held = std::make_shared<std::vector<LedgerWork>>(std::move(works));
  handlers_.media->Bring(
      std::move(files), [this, held, awaited = std::move(awaited), done = std::move(done)](
                            const absl::StatusOr<std::vector<BroughtFile>>& brought) {
        if (!brought.ok()) return done(brought.status());
        for (size_t i = 0; i < awaited.size(); ++i)
          PutFile((*brought)[i], (*held)[awaited[i].work].inbound[awaited[i].message]);
        CommitAll(std::move(*held), done);
      });
}

void Callbacks::CommitAll(std::vector<LedgerWork> works,
                          std::function<void(const absl::Status&)> done) {
  struct Waiting {
    std::mutex mutex;
    size_t left = 1;  // this function
    absl::Status status;
    std::function<void(const absl::Status&)> done;
  };
  auto waiting = std::make_shared<Waiting>();
  waiting->left += works.size();
  waiting->done = std::move(done);
  const auto ended = [waiting](const absl::Status& status) {
    {
      std::lock_guard lock(waiting->mutex);
      waiting->status.Update(status);
      if (--waiting->left > 0) return;
    }
    waiting->done(waiting->status);
  };
  for (LedgerWork& work : works) {
    const size_t updates = UpdatesIn(work);
    work.done = [this, ended, updates](const LedgerOutcome& outcome) {
      if (outcome.status.ok()) updates_.Increment(static_cast<double>(updates));
      ended(outcome.status);
    };
    if (!ledger_.Add(std::move(work))) ended(Busy());
  }
  ended(absl::OkStatus());
}

Callbacks::Understood Callbacks::Ended(End end, int status, std::string body,
                                       std::string content_type) {
  ends_.at(end)->Increment();
  Understood understood;
  understood.response = Answer(status, std::move(body), std::move(content_type));
  return understood;
}

}  // namespace mo::sims
