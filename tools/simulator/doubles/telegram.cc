#include "tools/simulator/doubles/telegram.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace mo::simulator {

namespace {

http::Response JsonAnswer(int status, const json& body) {
  http::Response response;
  response.status = status;
  response.headers.Add("Content-Type", "application/json");
  response.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
  return response;
}

// "bot123:abc…" without "bot"; "" if it is none.
absl::string_view TokenPart(const ProviderCall& call) {
  const size_t at = !call.path.empty() && call.path[0] == "file" ? 1 : 0;
  if (call.path.size() <= at) return "";
  absl::string_view token = call.path[at];
  return absl::ConsumePrefix(&token, "bot") ? token : "";
}

bool IsToken(absl::string_view token) {
  const size_t colon = token.find(':');
  if (colon == token.npos || colon == 0 || colon + 1 == token.size()) return false;
  return std::all_of(token.begin(), token.begin() + static_cast<std::ptrdiff_t>(colon),
                     absl::ascii_isdigit);
}

}  // namespace

ProviderLimits TelegramDouble::DefaultLimits() {
  ProviderLimits limits;
  limits.messages_per_second = 30;
  limits.pair_interval_ms = 1000;
  limits.pair_burst = 5;
  limits.group_messages_per_minute = 20;
  return limits;
}

std::string TelegramDouble::TokenOf(const ProviderCall& call) {
  return std::string(TokenPart(call));
}

std::string TelegramDouble::BotOf(const ProviderCall& call) {
  const absl::string_view token = TokenPart(call);
  return std::string(token.substr(0, token.find(':')));
}

http::Response TelegramDouble::Unknown(const ProviderCall& call) {
  if (IsToken(TokenPart(call))) return Refuse({401, "Unauthorized"});
  return Refuse({404, "Not Found"});
}

TelegramDouble::TelegramDouble(uint32_t id, DoubleSpec spec, DoubleSettings settings, World& world,
                               http::Client& client, std::string origin)
    : Double(id, std::move(spec), settings, world, client, std::move(origin)),
      next_update_(static_cast<int64_t>(Mix(world.seed ^ id) % 900000000)) {
  TelegramDouble::OnCallback();
}

http::Response TelegramDouble::Answer(const json& result, absl::string_view description) {
  json body{{"ok", true}, {"result", result}};
  if (!description.empty()) body["description"] = std::string(description);
  return JsonAnswer(200, body);
}

http::Response TelegramDouble::Refuse(const Problem& problem) {
  json body{{"ok", false}, {"error_code", problem.code}, {"description", problem.description}};
  if (!problem.parameters.is_null()) body["parameters"] = problem.parameters;
  return JsonAnswer(problem.code, body);
}

http::Response TelegramDouble::Throttled(int64_t retry_ms) {
  if (retry_ms == 0) return Refuse({429, "Too Many Requests"});
  const int64_t seconds = (retry_ms + 999) / 1000;
  return Refuse({429, absl::StrCat("Too Many Requests: retry after ", seconds),
                 json{{"retry_after", seconds}}});
}

http::Response TelegramDouble::Broken(bool plain) {
  if (!plain) return Refuse({500, "Internal Server Error"});
  return PlainAnswer(502, "text/html", "<html><title>502 Bad Gateway</title></html>");
}

http::Response TelegramDouble::Forced(const ForcedError& error) {
  return Refuse({error.code, error.description});
}

const TelegramDouble::Method* TelegramDouble::FindMethod(absl::string_view name) {
  using T = TelegramDouble;
  static constexpr Method kMethods[] = {
      {"sendmessage", &T::SendMessage, true},
      {"sendphoto", &T::SendFile<0>, true},
      {"sendaudio", &T::SendFile<1>, true},
      {"sendvoice", &T::SendFile<2>, true},
      {"sendvideo", &T::SendFile<3>, true},
      {"senddocument", &T::SendFile<4>, true},
      {"sendlocation", &T::SendLocation, true},
      {"sendmediagroup", &T::SendMediaGroup, true},
      {"getme", &T::GetMe, false},
      {"setwebhook", &T::SetWebhook, false},
      {"deletewebhook", &T::DeleteWebhook, false},
      {"getwebhookinfo", &T::GetWebhookInfo, false},
      {"getfile", &T::GetFile, false},
      {"getchat", &T::GetChat, false},
      {"leavechat", &T::LeaveChat, false},
      {"sendchataction", &T::Nothing, false},
      {"setmycommands", &T::Nothing, false},
      {"deletemycommands", &T::Nothing, false},
      {"answercallbackquery", &T::Nothing, false},
  };
  const std::string lower = absl::AsciiStrToLower(name);
  const auto* found = std::find_if(std::begin(kMethods), std::end(kMethods),
                                   [&](const Method& method) { return method.name == lower; });
  return found == std::end(kMethods) ? nullptr : found;
}

bool TelegramDouble::IsSend(const ProviderCall& call) const {
  const Method* method = call.path.size() == 2 ? FindMethod(call.path[1]) : nullptr;
  return method != nullptr && method->send;
}

std::optional<http::Response> TelegramDouble::Handle(ProviderCall& call) {
  const absl::string_view token = TokenPart(call);
  if (token != spec_.token || token_expired_ || banned_) return Refuse({401, "Unauthorized"});
  if (call.path[0] == "file") {
    std::string path;
    for (size_t i = 2; i < call.path.size(); ++i) {
      absl::StrAppend(&path, i > 2 ? "/" : "", call.path[i]);
    }
    return Download(path);
  }
  if (call.path.size() != 2) return Refuse({404, "Not Found"});
  const auto parameters = Read(call);
  if (!parameters.ok()) return Refuse({400, std::string(parameters.status().message())});
  if (absl::EqualsIgnoreCase(call.path[1], "getUpdates")) {
    return GetUpdates(*parameters, call.responder);
  }
  const Method* method = FindMethod(call.path[1]);
  if (method == nullptr) return Refuse({404, "Not Found: method not found"});
  json result = json::object();
  if (const Outcome problem = (this->*method->run)(*parameters, &result)) return Refuse(*problem);
  if (method->run == &TelegramDouble::SetWebhook) return Answer(result, "Webhook was set");
  return Answer(result);
}

absl::StatusOr<TelegramDouble::Parameters> TelegramDouble::Read(const ProviderCall& call) {
  Parameters parameters;
  for (const auto& [key, value] : call.query) parameters.values[key] = value;
  if (call.request.body.empty()) return parameters;
  const absl::string_view type = call.request.headers.Get("content-type");
  if (absl::StartsWithIgnoreCase(type, "application/json")) {
    if (!call.body.is_object()) {
      return absl::InvalidArgumentError("Bad Request: can't parse request: expected a JSON object");
    }
    parameters.values.update(call.body);
  } else if (absl::StartsWithIgnoreCase(type, "multipart/form-data")) {
    const auto parts = http::ParseMultipart(call.request.body, type);
    if (!parts.ok()) return absl::InvalidArgumentError("Bad Request: can't parse multipart");
    for (const http::Part& part : *parts) {
      if (part.filename.empty()) {
        parameters.values[part.name] = std::string(part.body);
      } else {
        parameters.files[part.name] = part;
      }
    }
  } else {
    for (const auto& [key, value] : http::ParseQuery(call.request.body)) {
      parameters.values[key] = value;
    }
  }
  return parameters;
}

std::string TelegramDouble::Parameters::Text(const char* name) const {
  const auto found = values.find(name);
  if (found == values.end() || found->is_null()) return "";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

std::optional<int64_t> TelegramDouble::Parameters::Int(const char* name) const {
  int64_t number = 0;
  if (absl::SimpleAtoi(Text(name), &number)) return number;
  return std::nullopt;
}

std::optional<double> TelegramDouble::Parameters::Number(const char* name) const {
  double number = 0;
  if (absl::SimpleAtod(Text(name), &number)) return number;
  return std::nullopt;
}

json TelegramDouble::Parameters::Value(const char* name) const {
  const auto found = values.find(name);
  if (found == values.end()) return nullptr;
  if (!found->is_string()) return *found;
  return json::parse(found->get<std::string>(), nullptr, false);
}

bool TelegramDouble::Parameters::Bool(const char* name) const {
  const std::string text = absl::AsciiStrToLower(Text(name));
  return text == "true" || text == "1" || text == "yes";
}

}  // namespace mo::simulator
