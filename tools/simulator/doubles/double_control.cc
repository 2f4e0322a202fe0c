// What the control API does with a double.
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/runtime/status.h"
#include "tools/simulator/doubles/double.h"

namespace mo::simulator {

DoubleView Double::View() const {
  std::lock_guard lock(mutex_);
  DoubleView view = counts_;
  view.spec = spec_;
  view.settings = settings_;
  view.banned = banned_;
  view.token_expired = token_expired_;
  view.open = open_.size();
  view.callbacks = callbacks_.Counts();
  return view;
}

DoubleSettings Double::Settings() const {
  std::lock_guard lock(mutex_);
  return settings_;
}

void Double::Configure(const DoubleSettings& settings) {
  std::lock_guard lock(mutex_);
  settings_ = settings;
}

bool Double::HasToken(absl::string_view token) const {
  std::lock_guard lock(mutex_);
  return spec_.token == token;
}

void Double::SetBanned(bool banned) {
  std::lock_guard lock(mutex_);
  if (std::exchange(banned_, banned) != banned) OnBan(banned);
}

void Double::ReplaceToken(std::string token) {
  std::lock_guard lock(mutex_);
  token_expired_ = token.empty();
  if (!token.empty()) spec_.token = std::move(token);
}

void Double::SetCallback(std::string url) {
  std::lock_guard lock(mutex_);
  spec_.callback_url = std::move(url);
  OnCallback();
}

void Double::FailNext(ForcedError error) {
  std::lock_guard lock(mutex_);
  forced_.push_back(std::move(error));
}

void Double::SetLastWritten(const Phone& phone, int64_t ms) {
  std::lock_guard lock(mutex_);
  contacts_[phone.id].written_ms = ms;
}

absl::Status Double::Do(const std::string& action, const json& body, Phone* phone) {
  std::lock_guard lock(mutex_);
  Fields fields(body);
  if (phone != nullptr) fields.Need("phone");  // read already
  MO_RETURN_IF_ERROR(OnDo(action, fields, phone));
  return fields.Finish();
}

absl::Status Double::OnDo(const std::string& action, Fields&, Phone*) {
  return absl::InvalidArgumentError(absl::StrCat(spec_.driver, " does not know ", action));
}

}  // namespace mo::simulator
