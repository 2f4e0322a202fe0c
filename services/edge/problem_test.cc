#include "services/edge/problem.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "libs/runtime/errors.h"

namespace mo::edge {
namespace {

using Code = absl::StatusCode;
using Json = nlohmann::json;

TEST_CASE("Statuses and their HTTP forms") {
  struct Case {
    Code code;
    const char* reason;  // empty: none
    int http_status;
    const char* shown_reason;
  };
  const Case cases[] = {
      {Code::kInvalidArgument, "INVALID_REQUEST", 400, "INVALID_REQUEST"},
      {Code::kInvalidArgument, "", 400, "INVALID_REQUEST"},
      {Code::kOutOfRange, "", 400, "INVALID_REQUEST"},
      {Code::kUnauthenticated, "API_KEY_INVALID", 401, "API_KEY_INVALID"},
      {Code::kPermissionDenied, "SCOPE_MISSING", 403, "SCOPE_MISSING"},
      {Code::kNotFound, "CONTACT_NOT_FOUND", 404, "CONTACT_NOT_FOUND"},
      {Code::kAlreadyExists, "", 409, "ALREADY_EXISTS"},
      {Code::kAborted, "", 409, "CONFLICT"},
      {Code::kAborted, "ETAG_MISMATCH", 412, "ETAG_MISMATCH"},
      {Code::kFailedPrecondition, "ETAG_MISMATCH", 412, "ETAG_MISMATCH"},
      {Code::kFailedPrecondition, "CONTACT_PENDING", 422, "CONTACT_PENDING"},
      {Code::kResourceExhausted, "RATE_LIMITED", 429, "RATE_LIMITED"},
      {Code::kResourceExhausted, "SIM_POOL_FULL", 409, "SIM_POOL_FULL"},
      {Code::kInvalidArgument, "MEDIA_TOO_LARGE", 413, "MEDIA_TOO_LARGE"},
      {Code::kInvalidArgument, "MEDIA_TYPE_UNKNOWN", 415, "MEDIA_TYPE_UNKNOWN"},
      {Code::kUnimplemented, "", 501, "NOT_IMPLEMENTED"},
      {Code::kUnavailable, "", 503, "UNAVAILABLE"},
      {Code::kDeadlineExceeded, "", 503, "DEADLINE_EXCEEDED"},
      {Code::kCancelled, "", 503, "UNAVAILABLE"},
      {Code::kInternal, "SECRET_REASON", 500, "INTERNAL"},
      {Code::kUnknown, "", 500, "INTERNAL"},
      {Code::kDataLoss, "", 500, "INTERNAL"},
  };
  for (const Case& c : cases) {
    CAPTURE(absl::StatusCodeToString(c.code), c.reason);
    const absl::Status status =
        *c.reason == '\0' ? absl::Status(c.code, "why") : Error(c.code, c.reason, "why");
    const http::Response response = ProblemResponse(status, "req_1");
    const Json body = Json::parse(response.body);
    CHECK(response.status == c.http_status);
    CHECK(body["status"] == c.http_status);
    CHECK(body["reason"] == c.shown_reason);
    CHECK(body["request_id"] == "req_1");
    CHECK_FALSE(body["title"].get<std::string>().empty());
    CHECK(response.headers.Get("Content-Type") == "application/problem+json");
    CHECK(response.headers.Get("X-Request-Id") == "req_1");
    CHECK(response.headers.Has("WWW-Authenticate") == (c.http_status == 401));
    CHECK(response.headers.Has("Retry-After") == (c.http_status == 429 || c.http_status == 503));
  }
}

TEST_CASE("A problem in full") {
  Problems problems;
  problems.Add("sim.display_name", "TOO_LONG", "at most 200 bytes");
  problems.Add("sim", "REQUIRED", "must be set");
  problems.Add("simple", "BAD_FORMAT", "no");
  const http::Response response = ProblemResponse(problems.ToStatus(), "r", "sim");
  CHECK(Json::parse(response.body) == Json::parse(R"j({
      "type": "https://messageorganizer.dev/problems/invalid-request", "title": "Bad Request", "status": 400,
      "detail": "display_name: at most 200 bytes (and 2 more)", "reason": "INVALID_REQUEST", "request_id": "r",
      "errors": [{"field": "display_name", "reason": "TOO_LONG", "detail": "at most 200 bytes"},
                 {"field": "", "reason": "REQUIRED", "detail": "must be set"},
                 {"field": "simple", "reason": "BAD_FORMAT", "detail": "no"}]
})j"));
}

TEST_CASE("Nothing internal gets out") {
  for (const Code code : {Code::kInternal, Code::kUnknown, Code::kUnavailable, Code::kDataLoss}) {
    const http::Response response =
        ProblemResponse(absl::Status(code, "relation \"links.links\" at 10.0.0.7"), "r");
    CHECK(response.body.find("links") == std::string::npos);
    CHECK(response.body.find("10.0.0.7") == std::string::npos);
  }
}

TEST_CASE("Retry-After is in whole seconds, rounded up") {
  const auto delayed = [](absl::Duration delay) {
    return std::string(
        ProblemResponse(WithRetryDelay(Error(Code::kUnavailable, "OVERLOADED", "x"), delay), "r")
            .headers.Get("Retry-After"));
  };
  CHECK(delayed(absl::ZeroDuration()) == "1");
  CHECK(delayed(absl::Milliseconds(1)) == "1");
  CHECK(delayed(absl::Milliseconds(2500)) == "3");
}

TEST_CASE("Bytes that are no UTF-8 do not cost the answer") {
  const http::Response response =
      ProblemResponse(Error(Code::kInvalidArgument, "NO", "b\xff"), "r");
  CHECK(response.status == 400);
  CHECK(Json::accept(response.body));
}

}  // namespace
}  // namespace mo::edge
