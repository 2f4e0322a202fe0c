#include "services/sims/drivers/messenger.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/sims/drivers/json.h"
#include "services/sims/drivers/text.h"

namespace mo::sims {
namespace {

constexpr size_t kTitleCharacters = 20;   // of a quick reply; longer ones are cut
constexpr size_t kTextCharacters = 2000;  // of one message; longer ones are cut

struct KnownError {
  int code;
  int subcode;  // 0: any
  ErrorClass error;
};
// The more special ones first.
constexpr std::array<KnownError, 24> kErrors = {{
    {10, 2018278, ErrorClass::kWindowClosed},
    {10, 2018065, ErrorClass::kWindowClosed},
    {10, 1893063, ErrorClass::kSimBlocked},
    {200, 2018108, ErrorClass::kRecipientGone},
    {100, 2018001, ErrorClass::kRecipientGone},
    {100, 2018008, ErrorClass::kMediaRetry},  // Meta could not fetch the file
    {100, 2018047, ErrorClass::kMediaRetry},
    {1, 0, ErrorClass::kRetry},
    {2, 0, ErrorClass::kRetry},
    {1200, 0, ErrorClass::kRetry},
    {4, 0, ErrorClass::kThrottled},
    {32, 0, ErrorClass::kThrottled},
    {613, 0, ErrorClass::kThrottled},
    {80006, 0, ErrorClass::kThrottled},
    {0, 0, ErrorClass::kSimUnauthorized},
    {102, 0, ErrorClass::kSimUnauthorized},
    {190, 0, ErrorClass::kSimUnauthorized},
    {3, 0, ErrorClass::kSimMisconfigured},
    {10, 0, ErrorClass::kSimMisconfigured},
    {368, 0, ErrorClass::kSimBlocked},
    // Unavailable, or the window is closed: Meta says both. Not to be tried again in any case.
    {551, 0, ErrorClass::kRecipientGone},
    {100, 0, ErrorClass::kMessageRefused},
    {33, 0, ErrorClass::kMessageRefused},
    {506, 0, ErrorClass::kMessageRefused},
}};

absl::string_view TypeOf(common::MediaKind kind) {
  switch (kind) {
    case common::MEDIA_KIND_IMAGE:
      return "image";
    case common::MEDIA_KIND_AUDIO:
      return "audio";
    case common::MEDIA_KIND_VIDEO:
      return "video";
    case common::MEDIA_KIND_DOCUMENT:
      return "file";
    default:
      return "";
  }
}

ErrorClass StatusError(int http_status) {
  if (http_status == 429) return ErrorClass::kThrottled;
  if (http_status == 504 || http_status < 300) return ErrorClass::kUnknownOutcome;
  if (http_status >= 500) return ErrorClass::kRetry;
  if (http_status == 401) return ErrorClass::kSimUnauthorized;
  return http_status < 400 || http_status == 403 || http_status == 404
             ? ErrorClass::kSimMisconfigured
             : ErrorClass::kMessageRefused;
}

SendOutcome Refused(ErrorClass error) {
  SendOutcome outcome;
  outcome.error = error;
  return outcome;
}

std::string TextOf(absl::string_view text) {
  std::string said = "{";
  AppendMember("text", text, said);
  return said;
}

// The member "quick_replies" of a message; "" without any. Messenger asks for no places any more.
std::string QuickReplies(const common::Content& content) {
  std::string replies;
  for (const common::QuickReply& reply : content.quick_replies()) {
    if (reply.kind() == common::QUICK_REPLY_KIND_LOCATION) continue;
    replies += replies.empty() ? R"(,"quick_replies":[{)" : ",{";
    AppendMember("content_type", "text", replies);
    AppendMember("title", FirstCharacters(reply.title(), kTitleCharacters), replies);
    AppendMember("payload", reply.payload().empty() ? reply.title() : reply.payload(), replies);
    replies.push_back('}');
  }
  return replies.empty() ? "" : replies + "]";
}

// A link below the text: Messenger shows a preview of it.
std::string WithLink(const std::string& text, const common::Content& content) {
  if (!content.has_link_button()) return text;
  const common::LinkButton& link = content.link_button();
  return absl::StrCat(text, "\n", link.title(), ": ", link.url());
}

}  // namespace

ErrorClass MessengerError(int64_t code, int64_t subcode, int http_status) {
  for (const KnownError& known : kErrors) {
    if (known.code == code && (known.subcode == 0 || known.subcode == subcode)) return known.error;
  }
  if (code >= 200 && code <= 299) return ErrorClass::kSimMisconfigured;
  if (code >= 36000 && code <= 36999) return ErrorClass::kMediaRefused;
  const ErrorClass error = StatusError(http_status);
  // The provider has answered: an error it is.
  return error == ErrorClass::kUnknownOutcome ? ErrorClass::kMessageRefused : error;
}

const Capabilities& Messenger::capabilities() const {
  static const Capabilities capabilities = [] {
    Capabilities c;
    c.image = c.audio = c.video = c.document = true;
    c.location = true;  // in words
    c.echoes_key = true;
    c.receipts = ReceiptKind::kWatermark;
    c.upload = UploadKind::kBefore;
    return c;
  }();
  return capabilities;
}

const Limits& Messenger::limits() const {
  static const Limits limits = [] {
    Limits l;
    l.text_characters = 4 * kTextCharacters;
    l.caption_characters = kTextCharacters;
    l.messages_per_second = 300;
    l.window = absl::Hours(24);
    l.person_window = absl::Hours(7 * 24);
    l.media_id_time = absl::Hours(29 * 24);
    l.connections = 64;
    return l;
  }();
  return limits;
}

std::optional<http::ClientRequest> Messenger::Probe() const {
  return GraphRequest(settings(), "GET", absl::StrCat("/", settings().sender_id, "?fields=name"));
}

ErrorClass Messenger::ParseProbe(const http::Response& response) const {
  if (response.status == 200) return ErrorClass::kNone;
  const ErrorClass error = ParseResponse(response).error;
  return error == ErrorClass::kUnknownOutcome ? ErrorClass::kRetry : error;
}

// `said` is the message's object but for its closing brace. The first message of several carries
// the key, by which its echo is known.
http::ClientRequest Messenger::Post(const Outgoing& message, absl::string_view said,
                                    bool first) const {
  std::string body = R"({"messaging_type":)";
  switch (message.purpose) {
    case Purpose::kAnswer:
      body += R"("RESPONSE")";
      break;
    case Purpose::kBulk:
      body += R"("UPDATE")";
      break;
    case Purpose::kHumanAgent:
      body += R"("MESSAGE_TAG","tag":"HUMAN_AGENT")";
      break;
  }
  absl::StrAppend(&body, R"(,"recipient":{"id":")", message.address, R"("},"message":)", said);
  if (first) absl::StrAppend(&body, R"(,"metadata":"mo:)", message.key, "\"");
  http::ClientRequest request =
      GraphRequest(settings(), "POST", absl::StrCat("/", settings().sender_id, "/messages"),
                   absl::StrCat(body, "}}"));
  request.timeout = limits().request_timeout;
  return request;
}

SendOutcome Messenger::MakeRequests(const Outgoing& message,
                                    std::vector<http::ClientRequest>& requests) const {
  if (!AllDigits(message.address)) return Refused(ErrorClass::kRecipientGone);
  if (message.content.has_message_template()) return Refused(ErrorClass::kTemplateRefused);
  const common::Content& content = message.content;
  if (content.has_location()) {
    requests.push_back(Post(message, TextOf(LocationText(content.location())), true));
    return {};
  }
  if (content.has_text()) {
    const std::string& text = content.text().body();
    if (text.empty() || Characters(text) > limits().text_characters)
      return Refused(ErrorClass::kMessageRefused);
    const std::string said = WithLink(text, content);
    const std::vector<absl::string_view> parts = SplitText(said, kTextCharacters);
    for (size_t i = 0; i < parts.size(); ++i) {
      const std::string part =
          TextOf(parts[i]) + (i + 1 == parts.size() ? QuickReplies(content) : "");
      requests.push_back(Post(message, part, i == 0));
    }
    return {};
  }
  const common::Media& media = content.media();
  if (TypeOf(media.kind()).empty() || Characters(media.caption()) > limits().caption_characters)
    return Refused(ErrorClass::kMessageRefused);
  if (message.provider_media_id.empty() && media.url().empty())
    return Refused(ErrorClass::kMediaRefused);
  std::string said =
      absl::StrCat(R"({"attachment":{"type":")", TypeOf(media.kind()), R"(","payload":{)");
  if (message.provider_media_id.empty()) {
    AppendMember("url", media.url(), said);
    said += R"(,"is_reusable":false)";
  } else {
    AppendMember("attachment_id", message.provider_media_id, said);
  }
  requests.push_back(Post(message, said + "}}", true));
  if (!media.caption().empty()) {
    const std::string caption = TextOf(WithLink(media.caption(), content));
    requests.push_back(Post(message, caption + QuickReplies(content), false));
  }
  return {};
}

SendOutcome Messenger::ParseResponse(const http::Response& response) const {
  const Json body = ParseJson(response.body);
  SendOutcome outcome;
  if (const Json& error = At(body, "error"); error.is_object()) {
    // Zero is a code of its own.
    const int64_t code = At(error, "code").is_number() ? IntAt(error, "code") : -1;
    outcome.code = static_cast<int>(std::clamp<int64_t>(code, 0, INT32_MAX));
    outcome.error = MessengerError(code, IntAt(error, "error_subcode"), response.status);
    outcome.retry_after = RetryAfter(response);
    return outcome;
  }
  if (response.status == 200) outcome.provider_id = TextAt(body, "message_id");
  if (!outcome.provider_id.empty()) return outcome;
  outcome.code = response.status;
  outcome.error = StatusError(response.status);
  outcome.retry_after = RetryAfter(response);
  return outcome;
}

http::ClientRequest Messenger::Upload(const MediaFile& file) const {
  const std::string described = absl::StrCat(R"({"attachment":{"type":")", TypeOf(file.kind),
                                             R"(","payload":{"is_reusable":true}}})");
  const std::string& name = file.filename.empty() ? file.id : file.filename;
  http::ClientRequest request = GraphRequest(
      settings(), "POST", absl::StrCat("/", settings().sender_id, "/message_attachments"));
  std::string type;
  request.body = http::EncodeMultipart(
      {{"message", "", "", described}, {"filedata", name, file.mime_type, file.data}}, &type);
  request.headers.Set("Content-Type", type);
  request.timeout = absl::Minutes(2);
  return request;
}

UploadOutcome Messenger::ParseUpload(const http::Response& response) const {
  UploadOutcome outcome;
  outcome.provider_media_id = TextAt(ParseJson(response.body), "attachment_id");
  if (response.status == 200 && !outcome.provider_media_id.empty()) return outcome;
  const SendOutcome said = ParseResponse(response);
  outcome.code = said.code;
  outcome.retry_after = said.retry_after;
  outcome.error = said.error;
  // Uploading twice does no harm.
  if (said.error == ErrorClass::kUnknownOutcome || said.error == ErrorClass::kNone)
    outcome.error = ErrorClass::kMediaRetry;
  if (said.error == ErrorClass::kMessageRefused) outcome.error = ErrorClass::kMediaRefused;
  return outcome;
}

absl::StatusOr<Driver::FetchStep> Messenger::FetchMedia(const RemoteMedia& media,
                                                        const http::Response*) const {
  // In the clear only where the whole provider is: a test's.
  const bool clear = absl::StartsWith(settings().base_url, "http://");
  if (!absl::StartsWith(media.url, "https://") &&
      !(clear && absl::StartsWith(media.url, "http://")))
    return absl::NotFoundError("the provider names no place of the file");
  FetchStep step;
  step.request.url = media.url;
  step.request.timeout = absl::Minutes(2);
  step.is_file = true;
  return step;
}

}  // namespace mo::sims
