// The links service's catalogue of errors.
#pragma once

#include "libs/runtime/errors.h"

namespace mo::links {

inline absl::Status LinkNotFound() {
  return Error(absl::StatusCode::kNotFound, "LINK_NOT_FOUND", "there is no such link");
}

inline absl::Status CodeTaken() {
  return Error(absl::StatusCode::kAlreadyExists, "CODE_TAKEN",
               "the code is in use or was used before");
}

inline absl::Status DomainTaken() {
  return Error(absl::StatusCode::kAlreadyExists, "DOMAIN_TAKEN",
               "the domain belongs to another account, or to the product");
}

inline absl::Status KeyReused() {
  return Error(absl::StatusCode::kFailedPrecondition, "IDEMPOTENCY_KEY_REUSED",
               "other links were made under this key");
}

inline absl::Status NoLinkDomain() {
  return Error(absl::StatusCode::kFailedPrecondition, "NO_LINK_DOMAIN",
               "there is no domain for short links: neither the account's (link-settings) nor the "
               "installation's (--redirect_url)");
}

// Personal codes can be neither made nor read: this process lacks the key (--secret_keys_file).
inline absl::Status SecretsUnavailable() {
  return Error(absl::StatusCode::kFailedPrecondition, "SECRETS_UNAVAILABLE",
               "this installation has no key to make personal codes with");
}

}  // namespace mo::links
