// The part of a session that brings files to the provider.
#include "libs/runtime/status.h"
#include "services/sims/provider_session.h"

namespace mo::sims {
namespace {

constexpr absl::Duration kDefaultIdTime = absl::Hours(24);

}  // namespace

bool ProviderSession::FileReadyLocked(int64_t key, const std::string& media_id) {
  const bool carried = driver_->capabilities().upload == UploadKind::kWithSend;
  switch (files_.Ask(media_id, key, carried, gateway_.app().clock().Now())) {
    case ProviderFiles::State::kReady:
    case ProviderFiles::State::kCarry:
      return true;
    case ProviderFiles::State::kWaiting:
      return false;
    case ProviderFiles::State::kFetch:
      break;
  }
  const bool posted = gateway_.PostBulk(
      account_id_, [this, self = shared_from_this(), media_id] { FetchFile(media_id); });
  // When the process stops, its messages are found doubtful by whoever comes next.
  if (!posted) files_.Failed(media_id);
  return false;
}

void ProviderSession::FetchFile(const std::string& media_id) {
  absl::StatusOr<MediaFile> file = deps_.media.Get(account_id_, media_id);
  if (!file.ok() || driver_->capabilities().upload == UploadKind::kWithSend)
    return FileFetched(media_id, std::move(file));
  http::ClientRequest request = driver_->Upload(*file);
  deps_.guard(request);
  deps_.client.Fetch(std::move(request), [this, self = shared_from_this(), media_id](
                                             const absl::StatusOr<http::Response>& response) {
    Uploaded(media_id, response);
  });
}

void ProviderSession::FileFetched(const std::string& media_id, absl::StatusOr<MediaFile> file) {
  SendOutcome failure;
  if (!file.ok()) {
    const bool gone = file.status().code() == absl::StatusCode::kNotFound;
    failure.error = gone ? ErrorClass::kMediaRefused : ErrorClass::kMediaRetry;
  }
  std::lock_guard lock(mutex_);
  if (ended_) return;
  if (file.ok()) {
    files_.Have(media_id, std::make_shared<const MediaFile>(*std::move(file)));
  } else {
    files_.Failed(media_id);
  }
  ReleaseLocked(media_id, failure);
  CommitLocked();
}

void ProviderSession::Uploaded(const std::string& media_id,
                               const absl::StatusOr<http::Response>& response) {
  // Whatever went wrong: to bring a file twice does no harm.
  UploadOutcome outcome;
  outcome.error = ErrorClass::kMediaRetry;
  if (response.ok()) outcome = driver_->ParseUpload(*response);
  SendOutcome failure;
  failure.error = outcome.error;
  failure.code = outcome.code;
  failure.retry_after = outcome.retry_after;
  std::lock_guard lock(mutex_);
  if (ended_) return;
  if (outcome.error == ErrorClass::kNone) {
    absl::Duration time = driver_->limits().media_id_time;
    if (time <= absl::ZeroDuration()) time = kDefaultIdTime;
    files_.Named(media_id, outcome.provider_media_id, gateway_.app().clock().Now() + time);
  } else {
    files_.Failed(media_id);
  }
  ReleaseLocked(media_id, failure);
  CommitLocked();
}

void ProviderSession::ReleaseLocked(const std::string& media_id, const SendOutcome& failure) {
  for (const int64_t key : files_.TakeWaiting(media_id)) {
    const auto found = flights_.find(key);
    if (found == flights_.end()) continue;
    if (failure.accepted()) {
      StartLocked(key, *found->second);
    } else {
      SettleLocked(key, failure);
    }
  }
}

}  // namespace mo::sims
