// Who calls: the signed token that travels in every call's metadata.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/runtime/clock.h"

namespace mo {

// Metadata keys of a call.
inline constexpr char kIdentityMetadata[] = "mo-identity";
inline constexpr char kRequestIdMetadata[] = "mo-request-id";
inline constexpr char kTraceparentMetadata[] = "traceparent";
inline constexpr char kIdempotencyKeyMetadata[] = "idempotency-key";

// On whose behalf a method runs.
struct Caller {
  int64_t account_id = 0;           // 0: the operator, or a service's work for all accounts
  std::string actor;                // "key:key_…", "svc:rules"
  std::vector<std::string> scopes;  // "*", "contacts:read", "internal", "operator"
  std::string request_id;
  std::string traceparent;
  std::string idempotency_key;  // of this call only; never passed on by itself
  absl::Time deadline = absl::InfiniteFuture();

  // Whether the caller may call a method that needs the scope.
  bool Holds(absl::string_view scope) const;
  bool internal() const { return Holds("internal"); }
  // The same caller for one downstream write that must happen once.
  Caller WithKey(absl::string_view key) const;
};

// A service's own caller, for work that no request asked for.
Caller ServiceCaller(absl::string_view service, int64_t account_id,
                     absl::string_view request_id = "");

// Signs and verifies identity tokens: HMAC-SHA256 (RFC 2104) under a key that all services share.
class IdentityKey {
 public:
  // The key: at least 32 bytes.
  explicit IdentityKey(absl::string_view key);
  // A token for the caller, valid for a minute.
  std::string Sign(const Caller& caller, absl::Time now) const;
  // Account, actor and scopes of a token, or UNAUTHENTICATED.
  absl::StatusOr<Caller> Verify(absl::string_view token, absl::Time now) const;

 private:
  std::string key_;
};

}  // namespace mo
