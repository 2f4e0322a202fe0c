// The inbox service's catalogue of errors.
#pragma once

#include "libs/runtime/errors.h"

namespace mo::inbox {

inline absl::Status MessageNotFound() {
  return Error(absl::StatusCode::kNotFound, "MESSAGE_NOT_FOUND", "there is no such message");
}

inline absl::Status ConversationNotFound() {
  return Error(absl::StatusCode::kNotFound, "CONVERSATION_NOT_FOUND",
               "there is no conversation with this contact yet");
}

inline absl::Status ContactPending() {
  return Error(absl::StatusCode::kFailedPrecondition, "CONTACT_PENDING",
               "the contact has not written yet, nothing can be sent to it");
}

inline absl::Status ContactStopped() {
  return Error(absl::StatusCode::kFailedPrecondition, "CONTACT_STOPPED",
               "the contact has opted out, nothing can be sent until it writes again");
}

// A stop confirmation is for stopped contacts only.
inline absl::Status ContactNotStopped() {
  return Error(absl::StatusCode::kFailedPrecondition, "CONTACT_NOT_STOPPED",
               "the contact has not opted out");
}

inline absl::Status ContactWithoutSim() {
  return Error(absl::StatusCode::kFailedPrecondition, "CONTACT_WITHOUT_SIM",
               "no SIM serves the contact");
}

// It has been attempted, was received, or has ended otherwise.
inline absl::Status MessageNotCancelable() {
  return Error(absl::StatusCode::kFailedPrecondition, "MESSAGE_NOT_CANCELABLE",
               "only a message that has not been attempted can be canceled");
}

}  // namespace mo::inbox
