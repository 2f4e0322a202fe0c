#include "services/edge/gate.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "libs/runtime/errors.h"

namespace mo::edge {
namespace {

constexpr size_t kMaxIdempotencyKey = 255;

// W3C trace context, version 00: nothing else is passed on.
std::string TraceparentOf(const http::Headers& headers) {
  const absl::string_view text = headers.Get("traceparent");
  if (text.size() != 55 || text[2] != '-' || text[35] != '-' || text[52] != '-') return "";
  const bool valid = std::all_of(text.begin(), text.end(), [](char c) {
    return c == '-' || absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
  });
  return valid ? std::string(text) : "";
}

absl::StatusOr<std::string> IdempotencyKeyOf(const http::Headers& headers) {
  const std::string* key = headers.Find("Idempotency-Key");
  if (key == nullptr) return std::string();
  if (key->empty() || key->size() > kMaxIdempotencyKey ||
      !std::all_of(key->begin(), key->end(), absl::ascii_isprint)) {
    return InvalidField("Idempotency-Key", "BAD_FORMAT", "must be 1 to 255 printable characters");
  }
  return *key;
}

}  // namespace

void Gate::Identify(const std::string& authorization, const std::string& scope,
                    const std::string& request_id, Authenticator::Done done) {
  authenticator_.Authenticate(
      authorization, request_id, [scope, done = std::move(done)](absl::StatusOr<Caller> who) {
        if (who.ok() && !who->Holds(scope)) {
          who = Error(absl::StatusCode::kPermissionDenied, "SCOPE_MISSING",
                      absl::StrCat("the key needs the scope \"", scope, "\""));
        }
        done(std::move(who));
      });
}

void Gate::Admit(const http::Headers& headers, const std::string& scope,
                 const std::string& request_id, Done done) {
  Caller extra;
  extra.request_id = request_id;
  extra.traceparent = TraceparentOf(headers);
  absl::StatusOr<std::string> idempotency_key = IdempotencyKeyOf(headers);
  if (!idempotency_key.ok()) return done(idempotency_key.status());
  extra.idempotency_key = *std::move(idempotency_key);
  if (scope == "public") return done(Admitted{std::move(extra), {}});
  Identify(std::string(headers.Get("Authorization")), scope, request_id,
           [this, extra = std::move(extra), done = std::move(done)](absl::StatusOr<Caller> who) {
             if (!who.ok()) return done(who.status());
             Caller caller = *std::move(who);
             caller.request_id = extra.request_id;
             caller.traceparent = extra.traceparent;
             caller.idempotency_key = extra.idempotency_key;
             const std::string key = caller.actor;
             limiter_.Ask(key, [caller = std::move(caller), done](const RateDecision& rate) {
               if (rate.allowed) return done(Admitted{caller, rate});
               done(WithRetryDelay(
                   Error(absl::StatusCode::kResourceExhausted, "RATE_LIMITED",
                         absl::StrCat("the key may make ", rate.limit, " requests per second")),
                   rate.retry_after));
             });
           });
}

std::string RequestIdOf(const http::Headers& headers, IdGenerator& ids) {
  const absl::string_view given = headers.Get("X-Request-Id");
  const bool sane =
      !given.empty() && given.size() <= 64 && std::all_of(given.begin(), given.end(), [](char c) {
        return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
      });
  return sane ? std::string(given) : FormatId("req", ids.Next());
}

void AddRateHeaders(const RateDecision& rate, http::Headers* headers) {
  if (!rate.known) return;
  headers->Add("RateLimit-Limit", absl::StrCat(rate.limit));
  headers->Add("RateLimit-Remaining", absl::StrCat(rate.remaining));
  headers->Add("RateLimit-Reset", "1");
}

}  // namespace mo::edge
