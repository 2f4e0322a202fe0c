#include "services/sims/provider_session.h"

#include <algorithm>

#include "libs/runtime/ids.h"
#include "libs/runtime/log.h"
#include "libs/text/content.h"
#include "services/sims/render.h"

namespace mo::sims {
namespace {

// Messages that may be opened, for each connection: enough to keep it busy while results commit.
constexpr int kOpenPerConnection = 8;
// Where neither owner nor network limits the rate.
constexpr int kMaxInFlight = 4096;

// What a request's failure means for the message in it.
SendOutcome OutcomeOf(const absl::Status& status) {
  SendOutcome outcome;
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:  // nothing was sent
      outcome.error = ErrorClass::kRetry;
      break;
    case absl::StatusCode::kInvalidArgument:
      outcome.error = ErrorClass::kMessageRefused;
      break;
    case absl::StatusCode::kPermissionDenied:  // the guard: the settings lead where they must not
      outcome.error = ErrorClass::kSimMisconfigured;
      break;
    default:
      outcome.error = ErrorClass::kUnknownOutcome;
  }
  return outcome;
}

}  // namespace

ProviderSession::ProviderSession(Gateway& gateway, ProviderDeps deps, ProviderLease lease)
    : SimSession(gateway),
      deps_(std::move(deps)),
      sim_(std::move(lease.driver)),
      driver_(sim_->driver.get()),
      poll_(ProviderPoll::Wanted(*driver_)
                ? std::make_shared<ProviderPoll>(gateway, deps_.poll_client, deps_.callbacks,
                                                 deps_.guard, sim_)
                : nullptr) {
  account_id_ = lease.account_id;
  sim_id_ = lease.sim_id;
  epoch_ = lease.epoch;
  running_ = lease.running;
  idempotent_ = driver_->capabilities().idempotent;
  SetLimitsLocked(lease.limits);
  sender_.SetCredit(
      std::clamp(driver_->limits().connections * kOpenPerConnection, 16, kMaxInFlight));
}

void ProviderSession::Begin() {
  gateway_.Register(sim_id_, shared_from_this());
  if (std::optional<http::ClientRequest> subscribe = driver_->Subscribe()) {
    deps_.guard(*subscribe);
    deps_.client.Fetch(
        *std::move(subscribe), [sim_id = sim_id_](const absl::StatusOr<http::Response>& response) {
          if (response.ok() && response->status / 100 == 2) return;
          Log(LogLevel::kWarning, "a provider was not told where to call back",
              {{"sim", FormatId("sim", sim_id)}, {"status", response.ok() ? response->status : 0}});
        });
  }
  Wake();
}

bool ProviderSession::Drain() {
  std::lock_guard lock(mutex_);
  draining_ = true;
  if (poll_ != nullptr) poll_->Stop();
  return ended_ ||
         (!OpeningLocked() && flights_.empty() && results_.empty() && commits_asked_ == 0);
}

void ProviderSession::EndLocked(const absl::Status& status) {
  if (ended_) return;
  ended_ = true;
  deps_.limiter.Forget(absl::StrCat(account_id_, ":", sim_id_));
  if (poll_ != nullptr) poll_->Stop();
  interactive_.clear();
  bulk_.clear();
  if (!status.ok()) {
    Log(LogLevel::kInfo, "a SIM is not driven here any more",
        {{"sim", FormatId("sim", sim_id_)}, {"reason", std::string(status.message())}});
  }
  // Not under the lock: the gateway asks sessions under its own.
  gateway_.Post(account_id_,
                [this, self = shared_from_this()] { gateway_.Unregister(sim_id_, this); });
}

void ProviderSession::SetLimitsLocked(const SimLimits& limits) {
  allowed_ = limits;
  full_until_ = absl::InfinitePast();
  const double rate = limits.Rate(driver_->limits().messages_per_second);
  pace_.SetLimit(rate);
  limits_.sim = SimLimits::AsLimit(rate);
  limits_.chat = {driver_->limits().pair_interval, driver_->limits().pair_burst};
  sender_.SetRate(Sender::WholeRate(pace_.rate()), gateway_.app().clock().Now());
}

void ProviderSession::Tick(absl::Time now) {
  std::lock_guard lock(mutex_);
  if (ended_) return;
  if (poll_ != nullptr) poll_->Tick(now);
  sender_.Tick(now);
  if (pace_.Tick(now)) sender_.SetRate(Sender::WholeRate(pace_.rate()), now);
  PumpLocked();
}

SimSession::May ProviderSession::MayLocked(absl::Time now) {
  if (draining_ || pace_.SimWaits(now)) return May::kNothing;
  return pace_.BulkWaits(now) || now < full_until_ ? May::kInteractive : May::kAll;
}

absl::Duration ProviderSession::PersonGrace() const {
  const Limits& limits = driver_->limits();
  return std::max(absl::ZeroDuration(), limits.person_window - limits.window);
}

// Templates may be sent at any time.
void ProviderSession::CompleteLocked(Sender::Cut& cut) const {
  if (driver_->limits().window == absl::ZeroDuration()) return;
  for (size_t w = 0; w < cut.windows.size(); ++w) {
    const LoadedDispatch& dispatch = *cut.dispatches[w];
    if (dispatch.content.has_message_template()) continue;
    if (dispatch.by_person) cut.windows[w].reply_grace = PersonGrace();
    const std::vector<std::string>& addresses = dispatch.addresses;
    for (const int index : cut.windows[w].indices)
      cut.windows[w].reply_addresses.push_back(addresses[static_cast<size_t>(index)]);
  }
}

void ProviderSession::SendLocked(const std::shared_ptr<LoadedDispatch>& dispatch,
                                 const std::vector<int>& indices) {
  for (const int index : indices) {
    const int64_t key = DeliveryKey(dispatch->id, index);
    auto& flight = flights_[key];
    flight = std::make_unique<Flight>();
    flight->dispatch = dispatch;
    flight->address = dispatch->addresses[static_cast<size_t>(index)];
    const auto [line, first] = lines_.try_emplace(flight->contact_id(key), Line{key, {}});
    if (first) {
      BeginLocked(key);
    } else {
      line->second.behind.push_back(key);
    }
  }
  CommitLocked();
}

void ProviderSession::StartLocked(int64_t key, Flight& flight) {
  const LoadedDispatch& dispatch = *flight.dispatch;
  common::Content content = dispatch.content;
  RenderNumbered(dispatch.parameter_count, dispatch.parameters, static_cast<size_t>(IndexOf(key)),
                 content);
  Outgoing message{key, flight.address, content};
  message.purpose = dispatch.by_person               ? Purpose::kHumanAgent
                    : dispatch.lane == v1::LANE_BULK ? Purpose::kBulk
                                                     : Purpose::kAnswer;
  std::shared_ptr<const MediaFile> file;
  flight.media_id = text::FileOf(content).media_id;
  const std::string media_id = flight.media_id;
  if (!media_id.empty() && driver_->capabilities().upload != UploadKind::kNone) {
    if (!FileReadyLocked(key, media_id)) return;
    message.provider_media_id = files_.provider_id(media_id);
    file = files_.file(media_id);
    message.file = file.get();
    flight.has_file = file != nullptr;
  }
  std::vector<http::ClientRequest> requests;
  const SendOutcome refused = driver_->MakeRequests(message, requests);
  if (!refused.accepted() || requests.empty()) return SettleLocked(key, refused);
  http::ClientRequest first = std::move(requests.front());
  requests.erase(requests.begin());
  flight.rest = std::move(requests);
  FetchLocked(key, std::move(first));
}

void ProviderSession::FetchLocked(int64_t key, http::ClientRequest request) {
  const bool bulk = flights_[key]->dispatch->lane == v1::LANE_BULK;
  (bulk ? bulk_ : interactive_).emplace_back(key, std::move(request));
  FlushLocked();
}

void ProviderSession::FlushLocked() {
  while (requests_ < driver_->limits().connections) {
    auto& queue = interactive_.empty() ? bulk_ : interactive_;
    if (queue.empty()) return;
    auto [key, request] = std::move(queue.front());
    queue.pop_front();
    ++requests_;
    GuardLocked(request);
    if (driver_->capabilities().receipts == ReceiptKind::kWatermark) StampLocked(key);
    deps_.client.Fetch(std::move(request), [this, self = shared_from_this(), key = key](
                                               const absl::StatusOr<http::Response>& response) {
      Answered(key, response);
    });
  }
}

// The provider's own time of the message is later than this, and earlier than its answer.
void ProviderSession::StampLocked(int64_t key) {
  Flight& flight = *flights_[key];
  if (!flight.first) return;
  // Providers tell whole milliseconds.
  flight.start = absl::FromUnixMillis(absl::ToUnixMillis(gateway_.app().clock().Now()));
}

void ProviderSession::GuardLocked(http::ClientRequest& request) {
  const size_t end = request.url.find('/', request.url.find("://") + 3);
  const auto origin = absl::string_view(request.url).substr(0, end);
  if (guarded_ != origin) {
    deps_.guard(request);
    guarded_ = std::string(origin);
    allow_private_ = request.allow_private;
    allowed_ports_ = request.allowed_ports;
  }
  request.allow_private = allow_private_;
  request.allowed_ports = allowed_ports_;
}

void ProviderSession::Answered(int64_t key, const absl::StatusOr<http::Response>& response) {
  const SendOutcome outcome =
      response.ok() ? driver_->ParseResponse(*response) : OutcomeOf(response.status());
  std::lock_guard lock(mutex_);
  --requests_;
  if (ended_) return;  // another session finds it doubtful
  HandleLocked(key, outcome);
  FlushLocked();
  CommitLocked();
}

void ProviderSession::HandleLocked(int64_t key, const SendOutcome& outcome) {
  const auto found = flights_.find(key);
  if (found == flights_.end()) return;
  Flight& flight = *found->second;
  deps_.metrics.Count(outcome.error);
  if (flight.first) {
    if (!outcome.accepted()) return SettleLocked(key, outcome);
    flight.first = false;
    flight.provider_id = outcome.provider_id;
    if (flight.has_file) {
      const std::string media_id = flight.media_id;
      if (outcome.provider_media_id.empty()) {
        files_.Failed(media_id);
      } else {
        files_.Named(media_id, outcome.provider_media_id,
                     gateway_.app().clock().Now() + driver_->limits().media_id_time);
      }
      ReleaseLocked(media_id, {});
    }
  }
  if (flight.rest.empty()) {
    SendOutcome taken;
    taken.provider_id = flight.provider_id;
    return SettleLocked(key, taken);
  }
  http::ClientRequest next = std::move(flight.rest.front());
  flight.rest.erase(flight.rest.begin());
  FetchLocked(key, std::move(next));
}

}  // namespace mo::sims
