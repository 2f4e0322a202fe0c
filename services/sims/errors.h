// The sims service's catalogue of errors.
#pragma once

#include "absl/strings/str_cat.h"
#include "libs/runtime/errors.h"

namespace mo::sims {

inline absl::Status SimNotFound() {
  return Error(absl::StatusCode::kNotFound, "SIM_NOT_FOUND", "there is no such SIM");
}

inline absl::Status AddressTaken() {
  return Error(absl::StatusCode::kAlreadyExists, "ADDRESS_TAKEN",
               "the account has a SIM with this address already");
}

// Credentials can be neither kept nor used: this process lacks the key (--secret_keys_file).
inline absl::Status SecretsUnavailable() {
  return Error(absl::StatusCode::kFailedPrecondition, "SECRETS_UNAVAILABLE",
               "this installation has no key to keep credentials under");
}

inline absl::Status SimInUse() {
  return Error(absl::StatusCode::kFailedPrecondition, "SIM_IN_USE",
               "contacts are allocated to this SIM; drain it first");
}

inline absl::Status SimPoolFull() {
  return Error(absl::StatusCode::kResourceExhausted, "SIM_POOL_FULL",
               "no SIM of this network has room for another contact: pool full");
}

inline absl::Status AgentOffline() {
  return WithRetryDelay(
      Error(absl::StatusCode::kUnavailable, "AGENT_OFFLINE", "no agent is attached to this SIM"),
      absl::Seconds(5));
}

inline absl::Status AgentTokenInvalid() {
  return Error(absl::StatusCode::kUnauthenticated, "AGENT_TOKEN_INVALID",
               "the agent's token belongs to no SIM");
}

inline absl::Status ProviderUnavailable(absl::string_view why) {
  return WithRetryDelay(Error(absl::StatusCode::kUnavailable, "PROVIDER_UNAVAILABLE",
                              absl::StrCat("the provider does not answer: ", why)),
                        absl::Seconds(10));
}

inline absl::Status ProviderRefused(absl::string_view why) {
  return Error(absl::StatusCode::kFailedPrecondition, "PROVIDER_REFUSED", why);
}

// Somebody else has changed the SIM meanwhile.
inline absl::Status SimBusy() {
  return WithRetryDelay(Error(absl::StatusCode::kUnavailable, "SIM_BUSY",
                              "the SIM is being changed by others, try again"),
                        absl::Seconds(1));
}

inline absl::Status GroupNotFound() {
  return Error(absl::StatusCode::kNotFound, "GROUP_NOT_FOUND", "the SIM is not in this group");
}

// What the SIM's network does not let anybody do.
inline absl::Status NotSupported(absl::string_view what) {
  return Error(absl::StatusCode::kFailedPrecondition, "NOT_SUPPORTED", what);
}

// Contacts of a SIM that works are where they belong.
inline absl::Status SimActive() {
  return Error(absl::StatusCode::kFailedPrecondition, "SIM_ACTIVE",
               "this SIM is active; pause or drain it first");
}

inline absl::Status AddressBound() {
  return Error(absl::StatusCode::kFailedPrecondition, "ADDRESS_BOUND",
               "on this network contacts belong to their SIM: another one cannot write to them");
}

// Ends a stream whose SIM has been attached to by a newer one.
inline absl::Status LeaseLost() {
  return Error(absl::StatusCode::kAborted, "LEASE_LOST", "a newer agent has attached to this SIM");
}

// Ends a stream when something of it can never be committed.
inline absl::Status LedgerRefused() {
  return Error(absl::StatusCode::kInternal, "LEDGER_REFUSED",
               "what this stream brought cannot be stored");
}

}  // namespace mo::sims
