#include "services/edge/api.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "libs/runtime/errors.h"
#include "libs/runtime/log.h"
#include "libs/transcode/form.h"
#include "services/edge/download.h"
#include "services/edge/problem.h"

namespace mo::edge {
namespace {

// Larger bodies are transcoded on the executor: they would hold up the other requests of an HTTP
// thread.
constexpr size_t kInlineBytes = 64 << 10;

absl::string_view TypeOf(absl::string_view content_type) {
  return absl::StripAsciiWhitespace(content_type.substr(0, content_type.find(';')));
}

bool IsJson(absl::string_view type) {
  return type.empty() || absl::EqualsIgnoreCase(type, "application/json") ||
         absl::EndsWithIgnoreCase(type, "+json");
}

// The header that names the next page: the same request with another token.
std::string NextLink(const http::Request& request, absl::string_view token) {
  std::vector<absl::string_view> query = absl::StrSplit(request.query, '&', absl::SkipEmpty());
  query.erase(std::remove_if(query.begin(), query.end(),
                             [](absl::string_view part) {
                               return part.substr(0, part.find('=')) == "page_token";
                             }),
              query.end());
  const std::string next = absl::StrCat("page_token=", token);
  query.push_back(next);
  return absl::StrCat("<", request.path, "?", absl::StrJoin(query, "&"), ">; rel=\"next\"");
}

// Whether a list that comes in pages is wanted as one file.
bool WantsAll(const http::Request& request) {
  for (const auto& [name, value] : http::ParseQuery(request.query)) {
    for (const char* part : {"page_size", "pageSize", "page_token", "pageToken"}) {
      if (name == part) return false;
    }
  }
  return true;
}

http::Headers HeadersOf(const transcode::Route& route, const std::string& request_id,
                        std::string content_type) {
  http::Headers headers;
  headers.Add("Content-Type", std::move(content_type));
  headers.Add("Cache-Control", "no-store");
  headers.Add("X-Content-Type-Options", "nosniff");
  headers.Add("X-Request-Id", request_id);
  // Strangers' files must not run as pages of ours.
  if (route.method->raw_response) {
    headers.Add("Content-Security-Policy", "sandbox; default-src 'none'");
  }
  return headers;
}

}  // namespace

// A request between its steps.
struct Api::Exchange {
  http::Request request;
  http::Responder responder;
  std::string request_id;
  absl::Time start = absl::Now();
  transcode::RouteMatch match;
  Admitted admitted;
  bool form = false;  // the body is multipart

  const transcode::Route& route() const { return *match.route; }
};

Api::Api(const transcode::Registry& registry, Gate& gate, Backends& backends, Executor& executor,
         Metrics& metrics)
    : registry_(registry),
      gate_(gate),
      backends_(backends),
      executor_(executor),
      metrics_(metrics) {
  for (const auto& route : registry.routes()) {
    seconds_[route.get()] =
        &metrics.Seconds("mo_http_request_duration_seconds", "Time from arrival to answer",
                         {{"method", route->http_method}, {"route", route->path}});
  }
}

void Api::Handle(http::Request request, http::Responder responder, std::string request_id) {
  auto exchange = std::make_shared<Exchange>();
  exchange->match = registry_.Match(request.method, request.path);
  if (exchange->match.route == nullptr) {
    const std::string allow = absl::StrJoin(exchange->match.allow, ", ");
    http::Response response =
        allow.empty()
            ? ProblemResponse(404, "NO_SUCH_PATH", "there is nothing at this path", request_id)
            : ProblemResponse(405, "METHOD_NOT_ALLOWED", "this path takes " + allow, request_id);
    if (!allow.empty()) response.headers.Add("Allow", allow);
    return responder.Send(std::move(response));
  }
  exchange->request = std::move(request);
  exchange->responder = std::move(responder);
  exchange->request_id = std::move(request_id);
  gate_.Admit(exchange->request.headers, exchange->route().method->scope, exchange->request_id,
              [this, exchange](absl::StatusOr<Admitted> admitted) {
                if (!admitted.ok()) return Fail(*exchange, admitted.status());
                exchange->admitted = *std::move(admitted);
                LetIn(exchange);
              });
}

void Api::LetIn(std::shared_ptr<Exchange> exchange) {
  const std::string& body = exchange->request.body;
  const absl::string_view type = TypeOf(exchange->request.headers.Get("Content-Type"));
  exchange->form = absl::EqualsIgnoreCase(type, "multipart/form-data") &&
                   transcode::FileField(exchange->route()) != nullptr;
  if (!body.empty() && !exchange->form && !IsJson(type)) {
    return Fail(*exchange, Error(absl::StatusCode::kInvalidArgument, "MEDIA_TYPE_UNKNOWN",
                                 "the body must be application/json"));
  }
  if (body.size() <= kInlineBytes) return Encode(std::move(exchange));
  if (!executor_.Post([this, exchange] { Encode(exchange); })) {
    Fail(*exchange, WithRetryDelay(Error(absl::StatusCode::kUnavailable, "OVERLOADED",
                                         "too much at once, try again"),
                                   absl::Seconds(1)));
  }
}

void Api::Encode(std::shared_ptr<Exchange> exchange) {
  http::Request& request = exchange->request;
  const std::string body = std::exchange(request.body, {});
  absl::StatusOr<std::string> bytes =
      exchange->form
          ? transcode::EncodeForm(exchange->route(), request.headers.Get("Content-Type"), body)
          : transcode::EncodeRequest(registry_, exchange->route(), exchange->match.values,
                                     request.query, body);
  if (!bytes.ok()) return Fail(*exchange, bytes.status());
  backends_.Call(*exchange->route().method, exchange->admitted.caller, *bytes,
                 [this, exchange](const absl::StatusOr<std::string>& response) {
                   Answer(exchange, response);
                 });
}

void Api::Answer(std::shared_ptr<Exchange> exchange, const absl::StatusOr<std::string>& response) {
  if (!response.ok()) return Fail(*exchange, response.status());
  absl::StatusOr<transcode::HttpBody> body =
      transcode::DecodeResponse(registry_, *exchange->route().method, *response);
  if (!body.ok()) return Fail(*exchange, body.status());
  const bool more = !body->next_page_token.empty();
  if (more && WantsAll(exchange->request)) return SendAll(std::move(exchange), *std::move(body));
  http::Response answer;
  answer.body = std::move(body->body);
  answer.headers =
      HeadersOf(exchange->route(), exchange->request_id, std::move(body->content_type));
  if (more) answer.headers.Add("Link", NextLink(exchange->request, body->next_page_token));
  Send(*exchange, std::move(answer));
}

void Api::SendAll(std::shared_ptr<Exchange> exchange, transcode::HttpBody first) {
  http::Headers headers = HeadersOf(exchange->route(), exchange->request_id, first.content_type);
  AddRateHeaders(exchange->admitted.rate, &headers);
  Count(*exchange, 200);
  auto fetch = [this, exchange](const std::string& token, Download::Done done) {
    absl::StatusOr<std::string> bytes =
        transcode::EncodeRequest(registry_, exchange->route(), exchange->match.values,
                                 absl::StrCat(exchange->request.query, "&page_token=", token), "");
    if (!bytes.ok()) return done(bytes.status());
    backends_.Call(
        *exchange->route().method, exchange->admitted.caller, *bytes,
        [this, exchange, done](const absl::StatusOr<std::string>& response) {
          if (!response.ok()) return done(response.status());
          done(transcode::DecodeResponse(registry_, *exchange->route().method, *response));
        });
  };
  Download::Start(exchange->responder.StartStream(200, std::move(headers)), std::move(first),
                  std::move(fetch), [this, exchange](const absl::Status& status) {
                    Time(*exchange);
                    if (status.ok()) return;
                    Log(LogLevel::kWarning, "download broken off",
                        {{"route", exchange->route().path},
                         {"request_id", exchange->request_id},
                         {"code", absl::StatusCodeToString(status.code())},
                         {"error", std::string(status.message())}});
                  });
}

void Api::Fail(const Exchange& exchange, const absl::Status& status) {
  const auto* body_field = exchange.route().body_field;
  http::Response response =
      ProblemResponse(status, exchange.request_id, body_field == nullptr ? "" : body_field->name());
  if (response.status >= 500) {
    Log(LogLevel::kWarning, "request failed",
        {{"route", exchange.route().path},
         {"request_id", exchange.request_id},
         {"code", absl::StatusCodeToString(status.code())},
         {"error", std::string(status.message())}});
  }
  Send(exchange, std::move(response));
}

void Api::Send(const Exchange& exchange, http::Response response) {
  AddRateHeaders(exchange.admitted.rate, &response.headers);
  Count(exchange, response.status);
  Time(exchange);
  exchange.responder.Send(std::move(response));
}

void Api::Count(const Exchange& exchange, int status) {
  metrics_
      .Counter("mo_http_requests_total", "Requests answered",
               {{"method", exchange.route().http_method},
                {"route", exchange.route().path},
                {"status", absl::StrCat(status)}})
      .Increment();
}

void Api::Time(const Exchange& exchange) {
  seconds_.at(&exchange.route())->Observe(absl::ToDoubleSeconds(absl::Now() - exchange.start));
}

}  // namespace mo::edge
