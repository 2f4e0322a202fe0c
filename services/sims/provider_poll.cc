#include "services/sims/provider_poll.h"

#include <algorithm>

#include "libs/runtime/errors.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/log.h"

namespace mo::sims {
namespace {

constexpr absl::Duration kLongestPause = absl::Minutes(1);

}  // namespace

bool ProviderPoll::Wanted(const Driver& driver) {
  const auto& options = driver.settings().options;
  const auto polling = options.find("polling");
  return driver.capabilities().polls && polling != options.end() && polling->second == "true";
}

void ProviderPoll::Tick(absl::Time now) {
  std::lock_guard lock(mutex_);
  if (asking_ || stopped_ || now < not_before_) return;
  asking_ = true;
  http::ClientRequest request = sim_->driver->Poll(cursor_);
  guard_(request);
  client_.Fetch(std::move(request),
                [this, self = shared_from_this()](const absl::StatusOr<http::Response>& response) {
                  Answered(response);
                });
}

void ProviderPoll::Stop() {
  std::lock_guard lock(mutex_);
  stopped_ = true;
}

void ProviderPoll::Answered(const absl::StatusOr<http::Response>& response) {
  absl::StatusOr<Polled> polled =
      response.ok() ? sim_->driver->ParsePoll(*response, gateway_.app().clock().Now())
                    : absl::StatusOr<Polled>(response.status());
  if (!polled.ok()) return Failed(polled.status());
  const bool posted = gateway_.Post(
      sim_->account_id,
      [this, self = shared_from_this(), polled = *std::move(polled)] { Keep(polled); });
  // Not durable: it is told again.
  if (!posted) Failed(absl::UnavailableError("the gateway is overloaded or stopping"));
}

void ProviderPoll::Keep(const Polled& polled) {
  for (const SenderEvents& events : polled.events.senders) {
    if (absl::Status status = callbacks_.Commit(*sim_, events); !status.ok()) return Failed(status);
  }
  std::lock_guard lock(mutex_);
  if (!polled.cursor.empty()) cursor_ = polled.cursor;
  failures_ = 0;
  asking_ = false;  // the next tick asks on
}

void ProviderPoll::Failed(const absl::Status& status) {
  std::lock_guard lock(mutex_);
  absl::Duration pause = RetryDelayOf(status);
  if (pause <= absl::ZeroDuration())
    pause = std::min(kLongestPause, absl::Seconds(1) * (1 << std::min(failures_, 6)));
  not_before_ = gateway_.app().clock().Now() + pause;
  asking_ = false;
  if (failures_++ == 0 && !stopped_) {
    Log(LogLevel::kWarning, "a provider does not tell what has happened",
        {{"sim", FormatId("sim", sim_->sim_id)}, {"error", std::string(status.message())}});
  }
}

}  // namespace mo::sims
