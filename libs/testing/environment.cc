#include "libs/testing/environment.h"

#include <stdexcept>

namespace mo::testing {

Environment::Environment(std::vector<void (*)(App&)> services, AppOptions options)
    : services_(std::move(services)),
      options_(std::move(options)),
      postgres_(std::make_unique<Postgres>()),
      redis_(std::make_unique<Redis>()),
      folder_(std::make_unique<TempFolder>()) {
  options_.identity_key = "a key of tests, at least 32 bytes long";
  options_.operator_key = "mo_operator_test";
  if (options_.secret_keys.empty()) {
    options_.secret_keys = "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
  }
  options_.database_url = postgres_->url();
  options_.redis_url = redis_->url();
  options_.data_dir = folder_->path();
  options_.stop_deadline = absl::Seconds(2);
  Start();
}

Environment::~Environment() = default;

Caller Environment::caller(int64_t number) const {
  Caller caller;
  caller.account_id = number;
  caller.actor = "test";
  caller.scopes = {"*"};
  return caller;
}

void Environment::Restart() {
  app_.reset();
  Start();
}

void Environment::Start() {
  app_ = std::make_unique<App>(options_);
  for (auto* install : services_) install(*app_);
  absl::Status status = app_->Start();
  if (!status.ok()) throw std::runtime_error(std::string(status.message()));
}

}  // namespace mo::testing
