// The part of InboundMedia that asks providers and stores what they give.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/runtime/errors.h"
#include "libs/runtime/status.h"
#include "services/sims/drivers/consequences.h"
#include "services/sims/inbound_task.h"

namespace mo::sims {
namespace {

namespace media = messageorganizer::media::v1;

constexpr size_t kMostAnswerBytes = 1 << 20;
constexpr int kRedirects = 3;

// Whether a provider that answers so, where it was asked for a file's place, may answer otherwise
// another time.
bool MayPass(const Driver& driver, const http::Response& response) {
  if (response.status >= 500 || response.status == 429 || response.status == 408) return true;
  if (response.status < 400) return false;
  const Consequence& consequence = ConsequenceOf(driver.ParseResponse(response).error);
  return consequence.message != MessageFate::kFail;
}

}  // namespace

// Below the provider's own URL whatever is right for the provider; where it points elsewhere, what
// is right for any stranger.
void InboundMedia::Guard(const TaskPtr& task, bool is_file, http::ClientRequest& request) const {
  guard_(request);
  const std::string& base = task->file.sim->driver->settings().base_url;
  const bool own = !base.empty() && absl::StartsWith(request.url, absl::StrCat(base, "/"));
  if (!own) request.allowed_ports.clear();
  // With the guard off, nobody would look at where a redirect leads.
  request.max_redirects = is_file && !request.allow_private ? kRedirects : 0;
}

void InboundMedia::Ask(const TaskPtr& task, const http::Response* previous) {
  absl::StatusOr<Driver::FetchStep> step =
      task->file.sim->driver->FetchMedia(task->file.remote, previous);
  if (!step.ok()) {
    if (absl::IsUnavailable(step.status())) return Fail(task);
    return Succeed(task, End::kGone, WithoutFile(common::MEDIA_PROBLEM_GONE));
  }
  const absl::Duration left = task->deadline - absl::Now();
  if (left <= absl::ZeroDuration()) return Fail(task);
  http::ClientRequest& request = step->request;
  request.timeout = std::min(request.timeout, left);
  request.connect_timeout = std::min(request.connect_timeout, left);
  request.max_response_bytes = step->is_file ? kMostInboundBytes : kMostAnswerBytes;
  Guard(task, step->is_file, request);
  client_.Fetch(std::move(request),
                [this, task, is_file = step->is_file](absl::StatusOr<http::Response> response) {
                  Answered(task, is_file, response);
                });
}

void InboundMedia::Answered(const TaskPtr& task, bool is_file,
                            const absl::StatusOr<http::Response>& response) {
  if (response.ok()) {
    if (is_file) return AnsweredFile(task, *response);
    if (MayPass(*task->file.sim->driver, *response)) return Fail(task);
    return Ask(task, &*response);
  }
  switch (response.status().code()) {
    case absl::StatusCode::kResourceExhausted:
      if (is_file)
        return Succeed(task, End::kTooLarge, WithoutFile(common::MEDIA_PROBLEM_TOO_LARGE));
      return Fail(task);
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
      return Succeed(task, End::kRefused, WithoutFile(common::MEDIA_PROBLEM_REFUSED));
    default:
      return Fail(task);
  }
}

void InboundMedia::AnsweredFile(const TaskPtr& task, http::Response response) {
  const bool here = response.status / 100 == 2;
  RemoteMedia& remote = task->file.remote;
  // The place that the callback has named holds for minutes; the provider knows a new one.
  if (!here && !remote.url.empty() && !remote.provider_id.empty()) {
    remote.url.clear();
    return Ask(task, nullptr);
  }
  if (response.status == 404 || response.status == 410 || (here && response.body.empty()))
    return Succeed(task, End::kGone, WithoutFile(common::MEDIA_PROBLEM_GONE));
  if (!here) return Fail(task);
  // Some providers' messages do not say.
  if (remote.mime_type.empty())
    remote.mime_type = std::string(response.headers.Get("Content-Type").substr(0, 255));
  const bool posted =
      executor_.Post([this, task, data = std::move(response.body)] { Store(task, data); });
  if (!posted) Fail(task);
}

void InboundMedia::Store(const TaskPtr& task, const std::string& data) {
  Caller caller = ServiceCaller("sims", task->file.sim->account_id);
  caller.deadline = task->deadline;
  media::StoreInboundMediaRequest request;
  request.set_data(data);
  request.set_filename(task->file.filename);
  request.set_mime_type(task->file.remote.mime_type);
  request.set_key(task->key);
  const absl::StatusOr<media::MediaFile> stored =
      media_.Call(MO_METHOD(media::MediaService, StoreInboundMedia), caller, request);
  if (stored.ok()) {
    return Succeed(task, End::kStored,
                   {stored->id(), stored->mime_type(), stored->size_bytes(),
                    common::MEDIA_PROBLEM_UNSPECIFIED});
  }
  if (ReasonOf(stored.status()) == "MEDIA_TOO_LARGE")
    return Succeed(task, End::kTooLarge, WithoutFile(common::MEDIA_PROBLEM_TOO_LARGE));
  Fail(task);
}

}  // namespace mo::sims
