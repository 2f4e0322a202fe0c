#include "services/sims/drivers/telegram.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "libs/runtime/errors.h"
#include "services/sims/drivers/json.h"
#include "services/sims/drivers/meta.h"
#include "services/sims/drivers/secret.h"
#include "services/sims/drivers/telegram_updates.h"
#include "services/sims/drivers/text.h"

namespace mo::sims {
namespace {

constexpr int kPollSeconds = 50;
// Of updates, what is of use here; Telegram keeps back all others.
constexpr absl::string_view kAllowedUpdates = R"("allowed_updates":["message","my_chat_member"])";

// "voice:AwAC…": the file that a message's answer names, and the field that takes it again.
std::string FileOf(const Json& message) {
  if (const auto& sizes = ListAt(message, "photo"); !sizes.empty()) {
    const std::string id = TextAt(sizes.back(), "file_id");
    return id.empty() ? "" : absl::StrCat("photo:", id);
  }
  for (const char* field : {"voice", "audio", "video", "document"}) {
    const std::string id = TextAt(At(message, field), "file_id");
    if (!id.empty()) return absl::StrCat(field, ":", id);
  }
  return "";
}

int64_t BotId(absl::string_view token) {
  int64_t id = 0;
  return absl::SimpleAtoi(token.substr(0, token.find(':')), &id) ? id : 0;
}

}  // namespace

Telegram::Telegram(DriverSettings settings)
    : Driver(std::move(settings)),
      base_(this->settings().base_url.empty() ? "https://api.telegram.org"
                                              : this->settings().base_url),
      bot_id_(BotId(this->settings().access_token)),
      polling_(this->settings().options.contains("polling") &&
               this->settings().options.at("polling") == "true") {}

const Capabilities& Telegram::capabilities() const {
  static const Capabilities capabilities = [] {
    Capabilities c;
    c.image = c.audio = c.video = c.document = c.location = true;
    c.groups = c.leave_groups = true;
    c.polls = true;
    c.receipts = ReceiptKind::kNone;
    c.upload = UploadKind::kWithSend;
    return c;
  }();
  return capabilities;
}

const Limits& Telegram::limits() const {
  static const Limits limits = [] {
    Limits l;
    l.text_characters = 4096;
    l.caption_characters = 1024;
    l.messages_per_second = 30;
    l.pair_interval = absl::Seconds(1);
    l.pair_burst = 3;  // "short bursts"
    l.group_messages_per_minute = 20;
    l.connections = 32;
    return l;
  }();
  return limits;
}

absl::Status Telegram::CheckSettings() const {
  Problems problems;
  const std::vector<absl::string_view> parts = absl::StrSplit(settings().access_token, ':');
  const auto fits = [](absl::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return absl::ascii_isalnum(c) || c == '_' || c == '-'; });
  };
  if (settings().access_token.empty()) {
    problems.Add("access_token", "REQUIRED", "is needed to speak to Telegram");
  } else if (parts.size() != 2 || bot_id_ <= 0 || parts[1].size() != 35 || !fits(parts[1])) {
    problems.Add("access_token", "INVALID", "is no token of a bot");
  }
  const std::string& secret = settings().verify_token;
  if (secret.empty() && !polling_) {
    problems.Add("verify_token", "REQUIRED", "is needed to know that callbacks are Telegram's");
  } else if (secret.size() > 256 || !fits(secret)) {
    problems.Add("verify_token", "INVALID", "may have 256 letters, digits, _ and -");
  }
  return problems.ToStatus();
}

http::ClientRequest Telegram::Call(absl::string_view method, std::string body) const {
  http::ClientRequest request;
  request.method = "POST";
  request.url = absl::StrCat(base_, "/bot", settings().access_token, "/", method);
  request.headers.Add("Content-Type", "application/json");
  request.body = std::move(body);
  request.timeout = limits().request_timeout;
  return request;
}

std::optional<http::ClientRequest> Telegram::Probe() const { return Call("getMe", "{}"); }

ErrorClass Telegram::ParseProbe(const http::Response& response) const {
  const Json body = ParseJson(response.body);
  if (BoolAt(body, "ok")) return ErrorClass::kNone;
  if (response.status == 200 || !body.is_object()) return ErrorClass::kRetry;
  return TelegramError(IntAt(body, "error_code"), TextAt(body, "description"));
}

std::optional<http::ClientRequest> Telegram::Subscribe() const {
  if (polling_) return Call("deleteWebhook", "{}");
  if (settings().callback_url.empty()) return std::nullopt;
  std::string body = "{";
  AppendMember("url", settings().callback_url, body);
  AppendMember("secret_token", settings().verify_token, body);
  absl::StrAppend(&body, ",", kAllowedUpdates, "}");
  return Call("setWebhook", std::move(body));
}

SendOutcome Telegram::ParseResponse(const http::Response& response) const {
  const Json body = ParseJson(response.body);
  SendOutcome outcome;
  if (BoolAt(body, "ok")) {
    const Json& result = At(body, "result");
    outcome.provider_id = TelegramMessageId(result);
    outcome.provider_media_id = FileOf(result);
    // Leaving a group is answered by `true`.
    if (outcome.provider_id.empty() && !BoolAt(body, "result"))
      outcome.error = ErrorClass::kUnknownOutcome;
    return outcome;
  }
  const Json& code = At(body, "error_code");
  outcome.code =
      code.is_number_integer() ? static_cast<int>(IntAt(body, "error_code")) : response.status;
  // A 200 that is no answer: of whoever stands between, after Telegram may have done it.
  outcome.error = outcome.code < 300 ? ErrorClass::kUnknownOutcome
                                     : TelegramError(outcome.code, TextAt(body, "description"));
  const Json& parameters = At(body, "parameters");
  const int64_t seconds = IntAt(parameters, "retry_after");
  outcome.retry_after =
      seconds > 0 ? absl::Seconds(std::min<int64_t>(seconds, 86400)) : RetryAfter(response);
  if (std::string moved = TextAt(parameters, "migrate_to_chat_id"); !moved.empty()) {
    outcome.error = ErrorClass::kRecipientMoved;
    outcome.new_address = std::move(moved);
  }
  return outcome;
}

absl::Status Telegram::Verify(const Callback& callback) const {
  const absl::string_view shown = callback.headers.Get("X-Telegram-Bot-Api-Secret-Token");
  if (SameSecret(shown, settings().verify_token)) return absl::OkStatus();
  return absl::PermissionDeniedError("the callback does not carry the secret token");
}

absl::StatusOr<CallbackEvents> Telegram::ParseCallback(const Callback& callback,
                                                       absl::Time now) const {
  const Json update = ParseJson(callback.body);
  if (!update.is_object()) return absl::InvalidArgumentError("no update of Telegram's");
  TelegramUpdates updates(bot_id_, now);
  updates.Add(update);
  return updates.Take();
}

http::ClientRequest Telegram::Poll(absl::string_view cursor) const {
  std::string body = absl::StrCat("{\"limit\":100,\"timeout\":", kPollSeconds, ",");
  int64_t offset = 0;
  if (absl::SimpleAtoi(cursor, &offset)) absl::StrAppend(&body, "\"offset\":", offset, ",");
  absl::StrAppend(&body, kAllowedUpdates, "}");
  http::ClientRequest request = Call("getUpdates", std::move(body));
  request.timeout = absl::Seconds(kPollSeconds + 15);
  request.max_response_bytes = 8 << 20;
  return request;
}

absl::StatusOr<Polled> Telegram::ParsePoll(const http::Response& response, absl::Time now) const {
  const Json body = ParseJson(response.body);
  if (!BoolAt(body, "ok")) {
    const SendOutcome outcome = ParseResponse(response);
    switch (outcome.error) {
      case ErrorClass::kSimUnauthorized:
        return absl::UnauthenticatedError("Telegram does not know the bot's token");
      case ErrorClass::kSimMisconfigured:
        return absl::FailedPreconditionError("somebody else asks for the bot's updates");
      default:
        return WithRetryDelay(absl::UnavailableError("Telegram gives no updates"),
                              outcome.retry_after);
    }
  }
  TelegramUpdates updates(bot_id_, now);
  Polled polled;
  int64_t next = 0;
  for (const Json& update : ListAt(body, "result")) {
    const int64_t id = IntAt(update, "update_id");
    if (id >= 0 && id < INT64_MAX) next = std::max(next, id + 1);
    updates.Add(update);
  }
  polled.events = updates.Take();
  if (next > 0) polled.cursor = absl::StrCat(next);
  return polled;
}

absl::StatusOr<Driver::FetchStep> Telegram::FetchMedia(const RemoteMedia& media,
                                                       const http::Response* previous) const {
  if (previous == nullptr) {
    std::string body = "{";
    AppendMember("file_id", media.provider_id, body);
    return FetchStep{Call("getFile", body + "}"), false};
  }
  const Json body = ParseJson(previous->body);
  const std::string path = TextAt(At(body, "result"), "file_path");
  if (!BoolAt(body, "ok")) {
    const SendOutcome outcome = ParseResponse(*previous);
    if (outcome.error == ErrorClass::kMediaRefused || outcome.error == ErrorClass::kMessageRefused)
      return absl::NotFoundError("Telegram does not give the file out");
    return WithRetryDelay(absl::UnavailableError("Telegram does not say where the file is"),
                          outcome.retry_after);
  }
  if (path.empty() || absl::StartsWith(path, "/") || absl::StrContains(path, ".."))
    return absl::NotFoundError("Telegram names no place of the file");
  std::vector<std::string> segments;
  for (absl::string_view segment : absl::StrSplit(path, '/'))
    segments.push_back(http::PercentEncode(segment));
  http::ClientRequest request;
  request.url =
      absl::StrCat(base_, "/file/bot", settings().access_token, "/", absl::StrJoin(segments, "/"));
  request.timeout = absl::Minutes(2);
  return FetchStep{std::move(request), true};
}

}  // namespace mo::sims
