// Routing: from a request to a handler and from its result to a response. The handlers are in
// control_handlers.cc.
#include "tools/simulator/control.h"

#include <utility>

#include "absl/strings/str_split.h"

namespace mo::simulator {

namespace {

http::Response Respond(int status, const json& body) {
  http::Response response;
  response.status = status;
  response.headers.Set("Content-Type", "application/json");
  // Texts may be cut anywhere by those who wrote them: bad UTF-8 is shown as U+FFFD.
  response.body = body.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  return response;
}

http::Response RespondError(int status, absl::string_view message) {
  return Respond(status, {{"error", std::string(message)}});
}

int HttpStatus(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return 400;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
      return 409;
    case absl::StatusCode::kResourceExhausted:
      return 429;
    default:
      return 500;
  }
}

}  // namespace

const std::vector<Control::Route>& Control::Routes() {
  using C = Control;
  static const auto& routes = *new std::vector<Route>{
      {"POST", "agents", 0, "", &C::AddAgent},
      {"GET", "agents", 0, "", &C::ListAgents},
      {"DELETE", "agents", 1, "", &C::RemoveAgent},
      {"POST", "agents", 1, "disconnect", &C::DisconnectAgent},
      {"POST", "agents", 1, "offline", &C::AgentOffline},
      {"POST", "agents", 1, "online", &C::AgentOnline},
      {"POST", "agents", 1, "ban", &C::BanAgent},
      {"POST", "agents", 1, "unban", &C::UnbanAgent},
      {"POST", "agents", 1, "credit", &C::SetCredit},
      {"POST", "doubles", 0, "", &C::AddDouble},
      {"GET", "doubles", 0, "", &C::ListDoubles},
      {"DELETE", "doubles", 1, "", &C::RemoveDouble},
      {"POST", "doubles", 1, "settings", &C::ConfigureDouble},
      {"POST", "doubles", 1, "ban", &C::SwitchDouble},
      {"POST", "doubles", 1, "unban", &C::SwitchDouble},
      {"POST", "doubles", 1, "expire-token", &C::SwitchDouble},
      {"POST", "doubles", 1, "token", &C::SetDoubleToken},
      {"POST", "doubles", 1, "callback", &C::SetDoubleCallback},
      {"POST", "doubles", 1, "fail", &C::FailDouble},
      {"POST", "doubles", 1, "window", &C::SetDoubleWindow},
      {"POST", "doubles", 1, "preferences", &C::ActOnDouble},
      {"POST", "doubles", 1, "quality", &C::ActOnDouble},
      {"POST", "doubles", 1, "template", &C::ActOnDouble},
      {"POST", "doubles", 1, "referral", &C::ActOnDouble},
      {"POST", "doubles", 1, "migrate", &C::ActOnDouble},
      {"POST", "phones", 0, "", &C::AddPhones},
      {"GET", "phones", 2, "", &C::GetPhone},
      {"POST", "phones", 2, "write", &C::WriteOne},
      {"POST", "phones", 2, "block", &C::BlockSim},
      {"POST", "phones", 2, "unblock", &C::UnblockSim},
      {"POST", "phones", 2, "offline", &C::PhoneOffline},
      {"POST", "phones", 2, "online", &C::PhoneOnline},
      {"POST", "phones", 2, "read", &C::ReadAll},
      {"POST", "phones", 2, "settings", &C::PhoneSettings},
      {"POST", "writes", 0, "", &C::WriteMany},
      {"POST", "groups", 0, "", &C::AddGroup},
      {"GET", "groups", 0, "", &C::ListGroups},
      {"POST", "groups", 1, "add", &C::AddMember},
      {"POST", "groups", 1, "remove", &C::RemoveMember},
      {"GET", "stats", 0, "", &C::Stats},
      {"GET", "report", 0, "", &C::Report},
      {"POST", "reset", 0, "", &C::Reset},
      {"GET", "settings", 0, "", &C::GetSettings},
      {"POST", "settings", 0, "", &C::SetSettings},
  };
  return routes;
}

std::string Control::Call::Query(absl::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return "";
}

http::Response Control::Handle(const http::Request& request) {
  std::vector<std::string> segments = absl::StrSplit(request.path, '/', absl::SkipEmpty());
  if (segments.empty()) return RespondError(404, "no such path");
  Call call;
  // The action is split off before decoding: an address may hold an encoded colon.
  std::string& action = call.action;
  if (const size_t colon = segments.back().rfind(':'); colon != std::string::npos) {
    action = segments.back().substr(colon + 1);
    segments.back().resize(colon);
  }
  for (size_t i = 1; i < segments.size(); ++i) {
    std::optional<std::string> decoded = http::PercentDecode(segments[i]);
    if (!decoded) return RespondError(400, "the path is not percent-encoded");
    call.path.push_back(*std::move(decoded));
  }
  call.query = http::ParseQuery(request.query);
  call.body = request.body.empty() ? json::object() : json::parse(request.body, nullptr, false);
  if (call.body.is_discarded()) return RespondError(400, "the body is not JSON");

  bool known = false;
  for (const Route& route : Routes()) {
    if (segments[0] != route.resource || call.path.size() != route.segments ||
        action != route.action) {
      continue;
    }
    known = true;
    if (request.method != route.method) continue;
    const Answer answer = (this->*route.handler)(call);
    if (answer.ok()) return Respond(200, *answer);
    return RespondError(HttpStatus(answer.status()), answer.status().message());
  }
  return known ? RespondError(405, "not with this method") : RespondError(404, "no such path");
}

}  // namespace mo::simulator
