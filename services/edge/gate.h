// Who may come in: key, scope, rate.
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/http/message.h"
#include "libs/runtime/ids.h"
#include "services/edge/authenticator.h"
#include "services/edge/rate_limiter.h"

namespace mo::edge {

// A request that was let in.
struct Admitted {
  Caller caller;
  RateDecision rate;
};

// The steps before every call. Safe for concurrent use.
class Gate {
 public:
  using Done = std::function<void(absl::StatusOr<Admitted>)>;

  Gate(Authenticator& authenticator, RateLimiter& limiter)
      : authenticator_(authenticator), limiter_(limiter) {}

  // Passes whom the key belongs to, if it holds the scope; UNAUTHENTICATED or PERMISSION_DENIED if
  // not.
  void Identify(const std::string& authorization, const std::string& scope,
                const std::string& request_id, Authenticator::Done done);

  // Passes the caller with request id, traceparent and idempotency key, or UNAUTHENTICATED,
  // PERMISSION_DENIED, RESOURCE_EXHAUSTED; at once or from another thread. With scope "public"
  // everybody comes in, as nobody.
  void Admit(const http::Headers& headers, const std::string& scope, const std::string& request_id,
             Done done);

 private:
  Authenticator& authenticator_;
  RateLimiter& limiter_;
};

// The request id to use: the client's X-Request-Id if it is 1 to 64 of A-Z a-z 0-9 . _ -, else a
// new one.
std::string RequestIdOf(const http::Headers& headers, IdGenerator& ids);

// The answer's headers about the rate.
void AddRateHeaders(const RateDecision& rate, http::Headers* headers);

}  // namespace mo::edge
