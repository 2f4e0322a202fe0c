// The rules service's catalogue of errors.
#pragma once

#include "libs/runtime/errors.h"

namespace mo::rules {

inline absl::Status RuleNotFound() {
  return Error(absl::StatusCode::kNotFound, "RULE_NOT_FOUND", "there is no such rule");
}

inline absl::Status TooManyRules() {
  return Error(absl::StatusCode::kFailedPrecondition, "TOO_MANY_RULES",
               "the account has as many rules as it may have");
}

inline absl::Status ForwardNotFound() {
  return Error(absl::StatusCode::kNotFound, "FORWARD_NOT_FOUND", "there is no such forward");
}

inline absl::Status ForwardDelivered() {
  return Error(absl::StatusCode::kFailedPrecondition, "FORWARD_DELIVERED",
               "the forward has arrived already");
}

inline absl::Status WebhookNotFound() {
  return Error(absl::StatusCode::kNotFound, "WEBHOOK_NOT_FOUND", "there is no such webhook");
}

inline absl::Status TooManyWebhooks() {
  return Error(absl::StatusCode::kFailedPrecondition, "TOO_MANY_WEBHOOKS",
               "the account has as many webhooks as it may have");
}

inline absl::Status SecretsUnavailable() {
  return Error(absl::StatusCode::kFailedPrecondition, "SECRETS_UNAVAILABLE",
               "this installation has no key to keep secrets with: --secret_keys_file");
}

}  // namespace mo::rules
