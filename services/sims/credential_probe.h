// Whether a provider takes credentials, asked before they are kept.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "libs/http/pool_client.h"
#include "libs/runtime/app.h"
#include "messageorganizer/sims/v1/sims.pb.h"

namespace mo::sims {

namespace v1 = messageorganizer::sims::v1;

// Asks providers. Thread-safe.
class CredentialProbe {
 public:
  // `guard` sets the guard that a request to a provider is under.
  CredentialProbe(App& app, http::PoolClient& client,
                  std::function<void(http::ClientRequest& request)> guard);

  // INVALID_ARGUMENT, naming the setting by its path in a request ("sim.driver.…"), when it is
  // malformed or the provider refuses it (REFUSED_BY_PROVIDER). OK when the provider takes it,
  // cannot be asked, or does not answer within 5 s: the SIM's session will show. Blocks.
  absl::Status Check(const v1::Driver& driver, const std::string& address);

 private:
  const std::function<void(http::ClientRequest& request)> guard_;
  http::PoolClient& client_;
  prometheus::Counter& refused_;
  prometheus::Counter& unchecked_;
};

}  // namespace mo::sims
