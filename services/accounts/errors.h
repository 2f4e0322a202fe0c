// The accounts service's catalogue of errors.
#pragma once

#include "libs/runtime/errors.h"

namespace mo::accounts {

inline absl::Status AccountNotFound() {
  return Error(absl::StatusCode::kNotFound, "ACCOUNT_NOT_FOUND", "there is no such account");
}

inline absl::Status ApiKeyNotFound() {
  return Error(absl::StatusCode::kNotFound, "API_KEY_NOT_FOUND", "there is no such API key");
}

inline absl::Status ApiKeyInvalid() {
  return Error(absl::StatusCode::kUnauthenticated, "API_KEY_INVALID",
               "the API key is unknown or revoked");
}

inline absl::Status TooManyApiKeys() {
  return Error(absl::StatusCode::kResourceExhausted, "TOO_MANY_API_KEYS",
               "the account has 1,000 API keys: revoke one first");
}

inline absl::Status SecretGone() {
  return Error(absl::StatusCode::kFailedPrecondition, "SECRET_GONE",
               "the secret of this repeated request cannot be shown any more: create another key");
}

}  // namespace mo::accounts
