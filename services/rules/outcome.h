// What comes of trying to bring a forward where it goes.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "messageorganizer/rules/v1/forwards.pb.h"

namespace mo::rules {

namespace v1 = messageorganizer::rules::v1;

// The outcome of one attempt.
struct Outcome {
  enum class Kind {
    kDelivered,
    kTemporary,  // to be tried again
    kPermanent,  // another try would end the same way
    kNotTried,   // this process stops
  };
  Kind kind = Kind::kTemporary;
  int code = 0;            // the answer's; 0 without one
  std::string error = {};  // at most 500 bytes; empty: none
  absl::Duration retry_after = absl::ZeroDuration();
  // What is left of it to be sent, if that is less than before.
  std::optional<v1::StoredForward> rest = std::nullopt;
};

inline Outcome Delivered() { return {.kind = Outcome::Kind::kDelivered}; }

// A failure for good, in words.
inline Outcome Refused(absl::string_view error) {
  return {.kind = Outcome::Kind::kPermanent, .error = std::string(error.substr(0, 500))};
}

// Of a call of another service.
inline Outcome OutcomeOf(const absl::Status& status) {
  if (status.ok()) return Delivered();
  if (absl::IsNotFound(status) || absl::IsFailedPrecondition(status) ||
      absl::IsInvalidArgument(status) || absl::IsPermissionDenied(status)) {
    return Refused(status.message());
  }
  Outcome outcome;
  outcome.error = std::string(status.message().substr(0, 500));
  return outcome;
}

}  // namespace mo::rules
