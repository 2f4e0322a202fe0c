// Errors that carry a machine-readable reason and the fields concerned, from a domain function to
// the API.
#pragma once

#include <grpcpp/support/status.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace mo {

// An error with a reason of a service's catalogue (UPPER_SNAKE_CASE, part of the public contract)
// and a text for humans.
absl::Status Error(absl::StatusCode code, absl::string_view reason, absl::string_view detail);

// The reason of a status, empty if it has none.
std::string ReasonOf(const absl::Status& status);

// What is wrong with one field of a request.
struct FieldProblem {
  std::string field;   // path in the request, e.g. "audience.channels[1]"
  std::string reason;  // e.g. "TOO_LONG"
  std::string detail;  // for humans
};

// Collects all field errors of a request, to report them together.
class Problems {
 public:
  void Add(absl::string_view field, absl::string_view reason, absl::string_view detail);
  bool empty() const { return problems_.empty(); }
  const std::vector<FieldProblem>& list() const { return problems_; }
  // OK when there are none, else INVALID_ARGUMENT with reason INVALID_REQUEST and the list.
  absl::Status ToStatus() const;

 private:
  std::vector<FieldProblem> problems_;
};

// INVALID_ARGUMENT about one field.
absl::Status InvalidField(absl::string_view field, absl::string_view reason,
                          absl::string_view detail);

// The same error, naming the field of the request that it is about, e.g. an id of something that is
// not there. Errors without a reason stay as they are: no field is to blame for them.
absl::Status WithField(absl::Status status, absl::string_view field);

// The field problems that a status carries, in their order.
std::vector<FieldProblem> FieldProblemsOf(const absl::Status& status);

// Adds to a status how long the caller should wait before it tries again; see RetryDelayOf.
absl::Status WithRetryDelay(absl::Status status, absl::Duration delay);
// The delay that a status carries, or zero.
absl::Duration RetryDelayOf(const absl::Status& status);

// To and from the wire; reason, fields and delay travel as google.rpc.Status details.
grpc::Status ToGrpc(const absl::Status& status);
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace mo
