// The contacts service's catalogue of errors.
#pragma once

#include "libs/runtime/errors.h"

namespace mo::contacts {

inline absl::Status ContactNotFound() {
  return Error(absl::StatusCode::kNotFound, "CONTACT_NOT_FOUND", "there is no such contact");
}

inline absl::Status RegistrationNotFound() {
  return Error(absl::StatusCode::kNotFound, "REGISTRATION_NOT_FOUND",
               "there is no such registration");
}

// Another call has changed the contact's place meanwhile; the work begins again.
inline absl::Status PlaceLost() {
  return WithRetryDelay(Error(absl::StatusCode::kUnavailable, "CONTACT_BUSY",
                              "the contact is being changed by others, try again"),
                        absl::Seconds(1));
}

}  // namespace mo::contacts
