// Errors as problem details (RFC 9457): the only place where a gRPC status becomes an HTTP status.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "libs/http/message.h"

namespace mo::edge {

// The answer to a request that failed with `status`. Nothing internal gets out: of INTERNAL and
// UNKNOWN the detail stays here. `body_field`: the field that the route's body is, whose name the
// client never wrote; it is taken off the fields' paths.
http::Response ProblemResponse(const absl::Status& status, absl::string_view request_id,
                               absl::string_view body_field = "");

// The same for errors of HTTP itself, e.g. 404, 405, 413.
http::Response ProblemResponse(int http_status, absl::string_view reason, absl::string_view detail,
                               absl::string_view request_id);

// The standard name of an HTTP status, e.g. "Not Found".
std::string StatusTitle(int http_status);

}  // namespace mo::edge
