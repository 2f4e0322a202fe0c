#include "services/edge/problem.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "libs/runtime/errors.h"

namespace mo::edge {
namespace {

using Json = nlohmann::ordered_json;
using Code = absl::StatusCode;

// What a status is over HTTP. A row with a reason goes before the row of the code alone.
struct Rule {
  Code code;
  const char* reason;  // empty: every other reason of the code
  int http_status;
  const char* default_reason;  // where the status has none
};
constexpr Rule kRules[] = {
    {Code::kFailedPrecondition, "ETAG_MISMATCH", 412, ""},
    {Code::kAborted, "ETAG_MISMATCH", 412, ""},
    {Code::kResourceExhausted, "SIM_POOL_FULL", 409, ""},
    {Code::kInvalidArgument, "MEDIA_TOO_LARGE", 413, ""},
    {Code::kFailedPrecondition, "MEDIA_TOO_LARGE", 413, ""},
    {Code::kResourceExhausted, "MEDIA_TOO_LARGE", 413, ""},
    {Code::kInvalidArgument, "MEDIA_TYPE_UNKNOWN", 415, ""},
    {Code::kFailedPrecondition, "MEDIA_TYPE_UNKNOWN", 415, ""},
    {Code::kInvalidArgument, "", 400, "INVALID_REQUEST"},
    {Code::kOutOfRange, "", 400, "INVALID_REQUEST"},
    {Code::kUnauthenticated, "", 401, "UNAUTHENTICATED"},
    {Code::kPermissionDenied, "", 403, "PERMISSION_DENIED"},
    {Code::kNotFound, "", 404, "NOT_FOUND"},
    {Code::kAlreadyExists, "", 409, "ALREADY_EXISTS"},
    {Code::kAborted, "", 409, "CONFLICT"},
    {Code::kFailedPrecondition, "", 422, "FAILED_PRECONDITION"},
    {Code::kResourceExhausted, "", 429, "RATE_LIMITED"},
    {Code::kUnimplemented, "", 501, "NOT_IMPLEMENTED"},
    {Code::kUnavailable, "", 503, "UNAVAILABLE"},
    {Code::kDeadlineExceeded, "", 503, "DEADLINE_EXCEEDED"},
    {Code::kCancelled, "", 503, "UNAVAILABLE"},
};
constexpr Rule kInternal = {Code::kInternal, "", 500, "INTERNAL"};

const Rule& RuleFor(Code code, absl::string_view reason) {
  for (const Rule& rule : kRules) {
    if (rule.code == code && (*rule.reason == '\0' || reason == rule.reason)) return rule;
  }
  return kInternal;
}

constexpr std::pair<int, const char*> kTitles[] = {
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
};

struct Problem {
  int http_status;
  std::string reason;
  std::string detail;
  std::vector<FieldProblem> errors;
  absl::Duration retry_after;
};

std::string Dump(const Json& json) {
  // A detail may quote what the client sent; bytes that are no UTF-8 must not cost the answer.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

http::Response Render(const Problem& problem, absl::string_view request_id) {
  Json body;
  body["type"] =
      absl::StrCat("https://messageorganizer.dev/problems/",
                   absl::StrReplaceAll(absl::AsciiStrToLower(problem.reason), {{"_", "-"}}));
  body["title"] = StatusTitle(problem.http_status);
  body["status"] = problem.http_status;
  body["detail"] = problem.detail;
  body["reason"] = problem.reason;
  if (!problem.errors.empty()) {
    Json& errors = body["errors"] = Json::array();
    for (const FieldProblem& error : problem.errors) {
      errors.push_back(
          {{"field", error.field}, {"reason", error.reason}, {"detail", error.detail}});
    }
  }
  body["request_id"] = std::string(request_id);

  http::Response response;
  response.status = problem.http_status;
  response.body = Dump(body);
  response.headers.Add("Content-Type", "application/problem+json");
  response.headers.Add("Cache-Control", "no-store");
  response.headers.Add("X-Content-Type-Options", "nosniff");
  if (!request_id.empty()) response.headers.Add("X-Request-Id", std::string(request_id));
  if (problem.http_status == 401) response.headers.Add("WWW-Authenticate", "Bearer");
  if (problem.http_status == 429 || problem.http_status == 503) {
    const int64_t seconds = std::max<int64_t>(
        1, absl::ToInt64Seconds(absl::Ceil(problem.retry_after, absl::Seconds(1))));
    response.headers.Add("Retry-After", absl::StrCat(seconds));
  }
  return response;
}

std::string WithoutPrefix(const std::string& field, absl::string_view prefix) {
  if (prefix.empty()) return field;
  if (field == prefix) return "";
  absl::string_view rest = field;
  if (absl::ConsumePrefix(&rest, prefix) && absl::ConsumePrefix(&rest, "."))
    return std::string(rest);
  return field;
}

}  // namespace

std::string StatusTitle(int http_status) {
  for (const auto& [status, title] : kTitles) {
    if (status == http_status) return title;
  }
  return http_status < 500 ? "Client Error" : "Server Error";
}

http::Response ProblemResponse(const absl::Status& status, absl::string_view request_id,
                               absl::string_view body_field) {
  Problem problem;
  problem.reason = ReasonOf(status);
  const Rule& rule = RuleFor(status.code(), problem.reason);
  problem.http_status = rule.http_status;
  if (&rule == &kInternal) {
    problem.reason = rule.default_reason;
    problem.detail = "something failed on our side; quote the request id when you ask us";
    return Render(problem, request_id);
  }
  // A service that cannot be reached says where it was looked for: nobody's business outside.
  const bool ours = problem.reason.empty() && rule.http_status >= 500;
  if (problem.reason.empty()) problem.reason = rule.default_reason;
  problem.detail =
      ours ? "the service cannot answer now, try again" : std::string(status.message());
  problem.retry_after = RetryDelayOf(status);
  problem.errors = FieldProblemsOf(status);
  for (FieldProblem& error : problem.errors) error.field = WithoutPrefix(error.field, body_field);
  if (!problem.errors.empty() && !body_field.empty()) {
    // The detail begins with the first field's path.
    problem.detail =
        absl::StrCat(problem.errors[0].field, problem.errors[0].field.empty() ? "" : ": ",
                     problem.errors[0].detail);
    if (problem.errors.size() > 1) {
      absl::StrAppend(&problem.detail, " (and ", problem.errors.size() - 1, " more)");
    }
  }
  return Render(problem, request_id);
}

http::Response ProblemResponse(int http_status, absl::string_view reason, absl::string_view detail,
                               absl::string_view request_id) {
  Problem problem;
  problem.http_status = http_status;
  problem.reason = std::string(reason);
  problem.detail = std::string(detail);
  return Render(problem, request_id);
}

}  // namespace mo::edge
