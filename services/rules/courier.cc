#include "services/rules/courier.h"

#include <algorithm>

#include "absl/flags/flag.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "libs/text/content.h"
#include "services/rules/signing.h"

ABSL_FLAG(std::vector<std::string>, trusted_forward_hosts, {},
          "hosts that rules and webhooks may post to although they are in our own network or "
          "listen at unusual ports, e.g. \"127.0.0.1,crm.lan\"");

namespace mo::rules {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(10);
constexpr absl::Duration kMailTime = absl::Seconds(90);  // the server's time-out, and then some
constexpr absl::Duration kMostRetryAfter = absl::Hours(1);
constexpr size_t kErrorBytes = 500;
constexpr int kThreads = 8;
constexpr size_t kQueue = 1024;

// A client error that another attempt may not meet.
bool MayPass(int status) {
  return status == 408 || status == 409 || status == 425 || status == 429 || status >= 500;
}

absl::Duration RetryAfterOf(const http::Response& response) {
  int64_t seconds = 0;
  if (!absl::SimpleAtoi(response.headers.Get("retry-after"), &seconds) || seconds <= 0) return {};
  return std::min(absl::Seconds(seconds), kMostRetryAfter);
}

Outcome Failed(const absl::Status& status) {
  Outcome outcome;
  if (absl::IsCancelled(status)) {
    outcome.kind = Outcome::Kind::kNotTried;
  } else if (absl::IsPermissionDenied(status) || absl::IsInvalidArgument(status)) {
    outcome.kind = Outcome::Kind::kPermanent;
  }
  outcome.error = text::Cut(status.message(), kErrorBytes);
  return outcome;
}

Outcome Judged(const http::Response& response) {
  Outcome outcome;
  outcome.code = response.status;
  if (response.status >= 200 && response.status < 300) {
    outcome.kind = Outcome::Kind::kDelivered;
    return outcome;
  }
  if (response.status >= 300 && response.status < 400) {
    outcome.kind = Outcome::Kind::kPermanent;
    outcome.error = "redirects are not followed";
    return outcome;
  }
  outcome.kind = MayPass(response.status) ? Outcome::Kind::kTemporary : Outcome::Kind::kPermanent;
  outcome.error = text::Cut(response.body, kErrorBytes);
  if (outcome.error.empty()) outcome.error = absl::StrCat("HTTP ", response.status);
  outcome.retry_after = RetryAfterOf(response);
  return outcome;
}

}  // namespace

http::UrlPolicy ForwardPolicy() {
  return {.trusted_hosts = absl::GetFlag(FLAGS_trusted_forward_hosts),
          .ports = {8080, 8443},
          .https_only = false,
          .allow_query = true};
}

std::string BodyOf(const Forward& forward) {
  const std::string origin =
      forward.webhook_id != 0
          ? absl::StrCat("\"sequence\":", forward.sequence)
          : absl::StrCat("\"rule_id\":\"", FormatId("rul", forward.rule_id), "\"");
  return absl::StrCat(
      "{\"id\":\"", FormatId("fwd", forward.id), "\",\"type\":\"", forward.request.type(),
      "\",\"timestamp\":\"",
      absl::FormatTime("%Y-%m-%d%ET%H:%M:%E3SZ", FromProto(forward.request.event_time()),
                       absl::UTCTimeZone()),
      "\",", origin, ",\"data\":", forward.request.data(), "}");
}

Courier::Courier(App& app, int in_flight)
    : app_(app),
      bots_(app),
      mails_(app),
      texts_(app),
      executor_(kThreads, kQueue),
      client_({.max_in_flight = in_flight}) {}

void Courier::Stop() {
  client_.Stop();
  executor_.Stop();
}

void Courier::Run(std::function<Outcome()> work, const Done& done) {
  if (!executor_.Post([work = std::move(work), done] { done(work()); }))
    done(Outcome{.kind = Outcome::Kind::kNotTried});
}

void Courier::Send(const Parcel& parcel, Done done) {
  const Forward& forward = parcel.forward;
  switch (forward.kind) {
    case v1::FORWARD_KIND_MAIL:
      return Run(
          [this, forward] {
            // After a long wait for a thread somebody else may be about to send it.
            const bool late = app_.clock().Now() > forward.next_attempt_time - kMailTime;
            return late ? Outcome{.kind = Outcome::Kind::kNotTried} : mails_.Send(forward);
          },
          done);
    case v1::FORWARD_KIND_SMS:
      return Run([this, forward] { return texts_.Send(forward); }, done);
    default:
      return Post(parcel, std::move(done));
  }
}

void Courier::GiveUp(const Forward& forward, Done done) {
  Run([this, forward] { return bots_.FallBack(forward); }, done);
}

void Courier::Post(const Parcel& parcel, Done done) {
  const Forward& forward = parcel.forward;
  const bool bot = forward.kind == v1::FORWARD_KIND_BOT;
  const auto& stored = forward.request;
  http::ClientRequest request;
  request.method = "POST";
  request.url = bot ? stored.bot().url() : stored.http().url();
  request.body = BodyOf(forward);
  request.headers = SignatureHeaders(FormatId("fwd", forward.id), app_.clock().Now(), request.body,
                                     parcel.secrets);
  request.headers.Add("content-type", "application/json");
  if (forward.webhook_id != 0)
    request.headers.Add("webhook-sequence", absl::StrCat(forward.sequence));
  for (const v1::HttpHeader& header : bot ? stored.bot().headers() : stored.http().headers())
    request.headers.Add(header.name(), header.value());
  request.timeout = kTimeout;
  request.max_response_bytes = kMostBotAnswer;
  request.cut_response = true;
  http::Guard(ForwardPolicy(), request);
  client_.Fetch(std::move(request), [this, bot, forward, done = std::move(done)](
                                        absl::StatusOr<http::Response> response) {
    if (!response.ok()) return done(Failed(response.status()));
    Outcome outcome = Judged(*response);
    if (!bot || outcome.kind != Outcome::Kind::kDelivered) return done(std::move(outcome));
    Run([this, forward, answer = *std::move(response)] { return bots_.Obey(forward, answer); },
        done);
  });
}

}  // namespace mo::rules
