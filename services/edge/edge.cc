#include "services/edge/edge.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/runtime/errors.h"
#include "libs/runtime/log.h"
#include "libs/runtime/scopes.h"
#include "libs/transcode/openapi.h"
#include "services/edge/problem.h"

namespace mo::embedded {
absl::string_view edge_docs_html();
}  // namespace mo::embedded

namespace mo::edge {
namespace {

constexpr int kThreads = 2;
constexpr size_t kMaxBody = 1 << 20;
constexpr size_t kMaxMediaBody = 14 << 20;  // 10 MB as base64

http::Response Text(int status, std::string content_type, std::string body) {
  http::Response response;
  response.status = status;
  response.headers.Add("Content-Type", std::move(content_type));
  response.headers.Add("X-Content-Type-Options", "nosniff");
  response.body = std::move(body);
  return response;
}

// Nothing on the page comes from elsewhere.
http::Response DocsPage() {
  http::Response response =
      Text(200, "text/html; charset=utf-8", std::string(embedded::edge_docs_html()));
  response.headers.Add("Content-Security-Policy",
                       "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                       "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'");
  return response;
}

http::Response Redirect(const std::string& location) {
  http::Response response = Text(302, "text/plain", "");
  response.headers.Add("Location", location);
  return response;
}

// The answer to another method than GET on a path that is no route of the contract.
http::Response OnlyGet(const std::string& allow, const std::string& request_id) {
  http::Response response =
      ProblemResponse(405, "METHOD_NOT_ALLOWED", "this path takes GET", request_id);
  response.headers.Add("Allow", allow);
  return response;
}

// The reason of an error that HTTP itself has found, from its title: "Content Too Large" →
// "CONTENT_TOO_LARGE".
http::Response TransportError(int status, absl::string_view detail) {
  std::string reason = StatusTitle(status);
  for (char& c : reason) c = c == ' ' ? '_' : absl::ascii_toupper(c);
  return ProblemResponse(status, reason, detail, "");
}

}  // namespace

Edge::Edge(App& app, Api& api, Gate& gate, Backends& backends, FeedHub& feed, Callbacks& callbacks)
    : app_(app),
      api_(api),
      gate_(gate),
      backends_(backends),
      feed_(feed),
      callbacks_(callbacks),
      openapi_(transcode::OpenApi(transcode::Registry::Embedded(), app.options().public_url)) {}

absl::Status Edge::Start() {
  const std::string& listen = app_.options().http_listen;
  const size_t colon = listen.rfind(':');
  http::ServerOptions options;
  if (colon == std::string::npos || !absl::SimpleAtoi(listen.substr(colon + 1), &options.port)) {
    return absl::InvalidArgumentError(
        absl::StrCat("http_listen \"", listen, "\" is not host:port"));
  }
  options.address = listen.substr(0, colon);
  options.threads = kThreads;
  options.body_limit = [](const http::Request& head) {
    if (head.path == "/v1/media") return kMaxMediaBody;
    return IsCallback(head) ? kMaxCallbackBody : kMaxBody;
  };
  options.max_body = kMaxMediaBody;
  options.error_response = TransportError;
  server_ = std::make_unique<http::Server>(
      std::move(options), [this](http::Request request, http::Responder responder) {
        Handle(std::move(request), std::move(responder));
      });
  absl::Status status = server_->Start();
  if (status.ok()) Log(LogLevel::kInfo, "serving HTTP", {{"http_port", server_->port()}});
  return status;
}

void Edge::Stop() {
  feed_.Stop();
  if (server_ != nullptr) server_->Stop(app_.options().stop_deadline);
}

void Edge::Handle(http::Request request, http::Responder responder) {
  std::string request_id = RequestIdOf(request.headers, app_.ids());
  if (IsCallback(request)) {
    return callbacks_.Handle(std::move(request), std::move(responder), request_id);
  }
  if (HandlePage(request, responder, request_id)) return;
  if (request.path == "/v1/events") {
    if (request.method != "GET") return responder.Send(OnlyGet("GET", request_id));
    return HandleEvents(std::move(request), std::move(responder), std::move(request_id));
  }
  api_.Handle(std::move(request), std::move(responder), std::move(request_id));
}

bool Edge::HandlePage(const http::Request& request, const http::Responder& responder,
                      const std::string& request_id) {
  using Answer = void (*)(Edge&, const http::Responder&);
  static constexpr std::pair<absl::string_view, Answer> kPages[] = {
      {"/", [](Edge&, const http::Responder& to) { to.Send(Redirect("/docs")); }},
      {"/docs", [](Edge&, const http::Responder& to) { to.Send(DocsPage()); }},
      {"/v1/openapi.json",
       [](Edge& edge, const http::Responder& to) {
         to.Send(Text(200, "application/json", edge.openapi_));
       }},
      {"/healthz",
       [](Edge&, const http::Responder& to) { to.Send(Text(200, "text/plain", "ok\n")); }},
      {"/readyz", [](Edge& edge, const http::Responder& to) { edge.HandleReady(to); }},
  };
  for (const auto& [path, answer] : kPages) {
    if (request.path != path) continue;
    if (request.method == "GET" || request.method == "HEAD") {
      answer(*this, responder);
    } else {
      responder.Send(OnlyGet("GET, HEAD", request_id));
    }
    return true;
  }
  return false;
}

void Edge::HandleReady(const http::Responder& responder) {
  backends_.CheckHealth([responder](const std::vector<std::string>& missing) {
    const nlohmann::json body = {{"ready", missing.empty()}, {"not_serving", missing}};
    responder.Send(Text(missing.empty() ? 200 : 503, "application/json", body.dump() + "\n"));
  });
}

void Edge::HandleEvents(http::Request request, http::Responder responder, std::string request_id) {
  std::optional<std::string> last;
  if (const std::string* id = request.headers.Find("Last-Event-ID")) last = *id;
  FeedHub::Recheck recheck = [this, request_id,
                              key = std::string(request.headers.Get("Authorization"))](
                                 std::function<void(const absl::Status&)> done) {
    gate_.Identify(key, kEventsScope, request_id,
                   [done](const absl::StatusOr<Caller>& who) { done(who.status()); });
  };
  gate_.Admit(
      request.headers, kEventsScope, request_id,
      [this, last, responder, request_id, recheck](const absl::StatusOr<Admitted>& admitted) {
        absl::Status status = admitted.status();
        if (status.ok() && admitted->caller.account_id == 0) {
          status = Error(absl::StatusCode::kPermissionDenied, "ACCOUNT_MISSING",
                         "a key of an account is needed");
        }
        if (status.ok()) {
          status = feed_.Add(admitted->caller.account_id, last, responder, request_id, recheck);
        }
        if (!status.ok()) responder.Send(ProblemResponse(status, request_id));
      });
}

}  // namespace mo::edge
