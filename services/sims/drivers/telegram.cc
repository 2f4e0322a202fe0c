#include "services/sims/drivers/telegram.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
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

// The chat as a JSON value; "" when it cannot be one.
std::string ChatOf(absl::string_view address) {
  int64_t number = 0;
  if (absl::SimpleAtoi(address, &number) && number != 0) return absl::StrCat(number);
  const bool name = address.size() > 1 && address[0] == '@' &&
                    std::all_of(address.begin() + 1, address.end(),
                                [](char c) { return absl::ascii_isalnum(c) || c == '_'; });
  return name ? absl::StrCat("\"", address, "\"") : "";
}

// The field that a file goes into, of which the method is named. What Telegram does not play as
// sound goes as a document.
absl::string_view FieldOf(common::MediaKind kind, absl::string_view mime_type) {
  switch (kind) {
    case common::MEDIA_KIND_IMAGE:
      return "photo";
    case common::MEDIA_KIND_VIDEO:
      return "video";
    case common::MEDIA_KIND_DOCUMENT:
      return "document";
    case common::MEDIA_KIND_AUDIO:
      if (absl::StartsWith(mime_type, "audio/ogg")) return "voice";
      if (mime_type.empty() || mime_type == "audio/mpeg" || mime_type == "audio/mp3" ||
          mime_type == "audio/mp4" || mime_type == "audio/x-m4a")
        return "audio";
      return "document";
    default:
      return "";
  }
}

std::string MethodOf(absl::string_view field) {
  std::string method = absl::StrCat("send", field);
  method[4] = absl::ascii_toupper(method[4]);
  return method;
}

std::string TextBody(absl::string_view chat, absl::string_view text, bool preview) {
  std::string body = absl::StrCat("{\"chat_id\":", chat);
  AppendMember("text", text, body);
  if (!preview) body += R"(,"link_preview_options":{"is_disabled":true})";
  return body + "}";
}

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

SendOutcome Refused(ErrorClass error) {
  SendOutcome outcome;
  outcome.error = error;
  return outcome;
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

SendOutcome Telegram::MakeRequests(const Outgoing& message,
                                   std::vector<http::ClientRequest>& requests) const {
  const std::string chat = ChatOf(message.address);
  if (chat.empty()) return Refused(ErrorClass::kRecipientGone);
  if (message.content.has_message_template()) return Refused(ErrorClass::kTemplateRefused);
  const common::Content& content = message.content;
  if (content.has_text()) {
    const common::Text& text = content.text();
    if (text.body().empty() || Characters(text.body()) > limits().text_characters)
      return Refused(ErrorClass::kMessageRefused);
    requests.push_back(Call("sendMessage", TextBody(chat, text.body(), text.preview_links())));
    return {};
  }
  if (content.has_location()) {
    const common::Location& place = content.location();
    requests.push_back(
        Call("sendLocation", absl::StrFormat(R"({"chat_id":%s,"latitude":%.10g,"longitude":%.10g})",
                                             chat, place.latitude(), place.longitude())));
    std::vector<absl::string_view> words;
    if (!place.name().empty()) words.push_back(place.name());
    if (!place.address().empty()) words.push_back(place.address());
    if (!words.empty()) {
      requests.push_back(
          Call("sendMessage", TextBody(chat, absl::StrJoin(words, "\n"), /*preview=*/false)));
    }
    return {};
  }
  return MakeMedia(message, chat, requests);
}

SendOutcome Telegram::MakeMedia(const Outgoing& message, absl::string_view chat,
                                std::vector<http::ClientRequest>& requests) const {
  const common::Media& media = message.content.media();
  const MediaFile* file = message.file;
  std::string field(FieldOf(media.kind(), file != nullptr ? file->mime_type : media.mime_type()));
  if (field.empty() || Characters(media.caption()) > limits().caption_characters)
    return Refused(ErrorClass::kMessageRefused);
  if (message.provider_media_id.empty() && file != nullptr) {
    std::vector<http::Part> parts;
    const std::string id(absl::StripPrefix(absl::StripSuffix(chat, "\""), "\""));
    parts.push_back({"chat_id", "", "", id});
    if (!media.caption().empty()) parts.push_back({"caption", "", "", media.caption()});
    const std::string& name = media.filename().empty() ? file->filename : media.filename();
    parts.push_back({field, name.empty() ? field : name, file->mime_type, file->data});
    http::ClientRequest request = Call(MethodOf(field), "");
    std::string type;
    request.body = http::EncodeMultipart(parts, &type);
    request.headers.Set("Content-Type", type);
    request.timeout = absl::Minutes(2);
    requests.push_back(std::move(request));
    return {};
  }
  std::string source = media.url();
  if (!message.provider_media_id.empty()) {
    const std::pair<std::string, std::string> known =
        absl::StrSplit(message.provider_media_id, absl::MaxSplits(':', 1));
    std::tie(field, source) = known;
  }
  if (source.empty()) return Refused(ErrorClass::kMediaRefused);
  std::string body = absl::StrCat("{\"chat_id\":", chat);
  AppendMember(field, source, body);
  if (!media.caption().empty()) AppendMember("caption", media.caption(), body);
  requests.push_back(Call(MethodOf(field), body + "}"));
  return {};
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

std::optional<http::ClientRequest> Telegram::LeaveGroup(absl::string_view group_id) const {
  const std::string chat = ChatOf(group_id);
  if (chat.empty()) return std::nullopt;
  return Call("leaveChat", absl::StrCat("{\"chat_id\":", chat, "}"));
}

}  // namespace mo::sims
