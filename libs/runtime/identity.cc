#include "libs/runtime/identity.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "libs/runtime/errors.h"
#include "messageorganizer/common/v1/identity.pb.h"

namespace mo {
namespace {

constexpr absl::Duration kValidity = absl::Minutes(1);
constexpr size_t kMacBytes = 32;

std::string Mac(absl::string_view key, absl::string_view data) {
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(data.data()), data.size(), mac, &size);
  return std::string(reinterpret_cast<char*>(mac), size);
}

absl::Status Unauthenticated() {
  return Error(absl::StatusCode::kUnauthenticated, "IDENTITY_INVALID",
               "the call carries no valid identity");
}

}  // namespace

bool Caller::Holds(absl::string_view scope) const {
  if (scope == "public") return true;
  const bool everything = scope != "internal" && scope != "operator";
  return std::any_of(scopes.begin(), scopes.end(), [&](const std::string& held) {
    return held == scope || (everything && (held == "*" || held == "internal"));
  });
}

Caller Caller::WithKey(absl::string_view key) const {
  Caller copy = *this;
  copy.idempotency_key = std::string(key);
  return copy;
}

Caller ServiceCaller(absl::string_view service, int64_t account_id, absl::string_view request_id) {
  Caller caller;
  caller.account_id = account_id;
  caller.actor = absl::StrCat("svc:", service);
  caller.scopes = {"internal"};
  caller.request_id = std::string(request_id);
  return caller;
}

IdentityKey::IdentityKey(absl::string_view key) : key_(key) {}

std::string IdentityKey::Sign(const Caller& caller, absl::Time now) const {
  messageorganizer::common::v1::IdentityClaims claims;
  claims.set_account_id(caller.account_id);
  claims.set_actor(caller.actor);
  for (const std::string& scope : caller.scopes) claims.add_scopes(scope);
  *claims.mutable_expire_time() = ToProto(now + kValidity);
  const std::string body = claims.SerializeAsString();
  return absl::WebSafeBase64Escape(absl::StrCat(Mac(key_, body), body));
}

absl::StatusOr<Caller> IdentityKey::Verify(absl::string_view token, absl::Time now) const {
  std::string raw;
  if (!absl::WebSafeBase64Unescape(token, &raw) || raw.size() <= kMacBytes)
    return Unauthenticated();
  const absl::string_view body = absl::string_view(raw).substr(kMacBytes);
  const std::string mac = Mac(key_, body);
  messageorganizer::common::v1::IdentityClaims claims;
  if (CRYPTO_memcmp(mac.data(), raw.data(), kMacBytes) != 0 ||
      !claims.ParseFromArray(body.data(), static_cast<int>(body.size())) ||
      FromProto(claims.expire_time()) < now) {
    return Unauthenticated();
  }
  Caller caller;
  caller.account_id = claims.account_id();
  caller.actor = claims.actor();
  caller.scopes.assign(claims.scopes().begin(), claims.scopes().end());
  return caller;
}

}  // namespace mo
