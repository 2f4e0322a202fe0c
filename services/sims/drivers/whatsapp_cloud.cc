#include "services/sims/drivers/whatsapp_cloud.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "services/sims/drivers/json.h"
#include "services/sims/drivers/text.h"

namespace mo::sims {
namespace {

absl::string_view TypeOf(common::MediaKind kind) {
  switch (kind) {
    case common::MEDIA_KIND_IMAGE:
      return "image";
    case common::MEDIA_KIND_AUDIO:
      return "audio";
    case common::MEDIA_KIND_VIDEO:
      return "video";
    case common::MEDIA_KIND_DOCUMENT:
      return "document";
    default:
      return "";
  }
}

// `{"messaging_product":"whatsapp",…,"type":"…","…":`: everything before the type's own object.
std::string Head(absl::string_view address, absl::string_view type, size_t room) {
  std::string body;
  body.reserve(220 + room);
  body = R"({"messaging_product":"whatsapp","recipient_type":")";
  if (IsWhatsAppPhone(address) || IsWhatsAppUserId(address)) {
    body += "individual\"";
    if (IsWhatsAppPhone(address)) {
      // Without "+" Meta would put the business's own country before it.
      const absl::string_view plus = absl::StartsWith(address, "+") ? "" : "+";
      absl::StrAppend(&body, ",\"to\":\"", plus, address, "\"");
    } else {
      AppendMember("recipient", address, body);
    }
  } else {
    body += "group\"";
    AppendMember("to", address, body);
  }
  absl::StrAppend(&body, ",\"type\":\"", type, "\",\"", type, "\":");
  return body;
}

// Closes the message; every status of it will bring the key back.
std::string Finish(std::string body, int64_t key) {
  absl::StrAppend(&body, ",\"biz_opaque_callback_data\":\"mo:", key, "\"}");
  return body;
}

void AppendText(absl::string_view text, bool preview, std::string& body) {
  body += "{\"body\":";
  AppendJson(text, body);
  absl::StrAppend(&body, ",\"preview_url\":", preview ? "true" : "false", "}");
}

void AppendMedia(const common::Media& media, absl::string_view id, std::string& body) {
  body.push_back('{');
  if (!id.empty()) {
    AppendMember("id", id, body);
  } else {
    AppendMember("link", media.url(), body);
  }
  const bool sound = media.kind() == common::MEDIA_KIND_AUDIO;
  if (!sound && !media.caption().empty()) AppendMember("caption", media.caption(), body);
  if (media.kind() == common::MEDIA_KIND_DOCUMENT && !media.filename().empty())
    AppendMember("filename", media.filename(), body);
  body.push_back('}');
}

void AppendLocation(const common::Location& location, std::string& body) {
  absl::StrAppendFormat(&body, R"({"latitude":"%.10g","longitude":"%.10g")", location.latitude(),
                        location.longitude());
  if (!location.name().empty()) AppendMember("name", location.name(), body);
  if (!location.address().empty()) AppendMember("address", location.address(), body);
  body.push_back('}');
}

void AppendParameter(absl::string_view type, absl::string_view value, std::string& body) {
  if (body.back() != '[') body.push_back(',');
  body.push_back('{');
  AppendMember("type", type, body);
  AppendMember(type, value, body);
  body.push_back('}');
}

// `head` and an array of parameters that is still open.
void OpenComponent(absl::string_view head, std::string& body) {
  if (body.back() != '[') body.push_back(',');
  absl::StrAppend(&body, "{", head, ",\"parameters\":[");
}

void AppendHeader(const common::MessageTemplate& message, absl::string_view media_id,
                  std::string& body) {
  if (!message.has_header_media() && message.header_parameters().empty()) return;
  OpenComponent(R"("type":"header")", body);
  if (message.has_header_media()) {
    const absl::string_view type = TypeOf(message.header_media().kind());
    body.push_back('{');
    AppendMember("type", type, body);
    absl::StrAppend(&body, ",\"", type, "\":");
    AppendMedia(message.header_media(), media_id, body);
    body.push_back('}');
  }
  for (const std::string& value : message.header_parameters()) AppendParameter("text", value, body);
  body += "]}";
}

void AppendTemplate(const common::MessageTemplate& message, absl::string_view media_id,
                    std::string& body) {
  body.push_back('{');
  AppendMember("name", message.name(), body);
  body += ",\"language\":{";
  AppendMember("code", message.language(), body);
  body += R"(,"policy":"deterministic"},"components":[)";
  AppendHeader(message, media_id, body);
  if (!message.body_parameters().empty()) {
    OpenComponent(R"("type":"body")", body);
    for (const std::string& value : message.body_parameters()) AppendParameter("text", value, body);
    body += "]}";
  }
  for (const common::TemplateButton& button : message.buttons()) {
    const bool url = button.kind() == common::TEMPLATE_BUTTON_KIND_URL;
    OpenComponent(absl::StrCat(R"("type":"button","sub_type":")", url ? "url" : "quick_reply",
                               R"(","index":")", button.index(), "\""),
                  body);
    AppendParameter(url ? "text" : "payload", button.parameter(), body);
    body += "]}";
  }
  body += "]}";
}

}  // namespace

bool IsWhatsAppPhone(absl::string_view address) {
  // Groups' ids are longer than any phone number.
  if (!address.empty() && address.front() == '+') address.remove_prefix(1);
  return AllDigits(address) && address.size() <= 15;
}

bool IsWhatsAppUserId(absl::string_view address) {
  return address.size() > 3 && address.size() <= 131 && absl::ascii_isupper(address[0]) &&
         absl::ascii_isupper(address[1]) && address[2] == '.' &&
         std::all_of(address.begin() + 3, address.end(), absl::ascii_isalnum);
}

WhatsAppCloud::WhatsAppCloud(DriverSettings settings)
    : MetaDriver(std::move(settings)),
      messages_url_(
          absl::StrCat(GraphUrl(this->settings()), "/", this->settings().sender_id, "/messages")),
      authorization_(absl::StrCat("Bearer ", this->settings().access_token)) {}

const Capabilities& WhatsAppCloud::capabilities() const {
  static const Capabilities capabilities = [] {
    Capabilities c;
    c.image = c.audio = c.video = c.document = c.location = true;
    c.templates = true;
    c.groups = true;
    c.echoes_key = true;
    c.receipts = ReceiptKind::kByKey;
    c.upload = UploadKind::kBefore;
    return c;
  }();
  return capabilities;
}

const Limits& WhatsAppCloud::limits() const {
  static const Limits limits = [] {
    Limits l;
    l.text_characters = 4096;
    l.caption_characters = 1024;
    l.messages_per_second = 80;
    l.pair_interval = absl::Seconds(6);
    l.pair_burst = 45;
    l.unique_recipients_per_day = 250;
    l.window = absl::Hours(24);
    l.media_id_time = absl::Hours(29 * 24);  // Meta keeps them for 30 days
    l.connections = 64;
    return l;
  }();
  return limits;
}

std::optional<http::ClientRequest> WhatsAppCloud::Probe() const {
  return GraphRequest(settings(), "GET",
                      absl::StrCat("/", settings().sender_id, "?fields=verified_name"));
}

ErrorClass WhatsAppCloud::ParseProbe(const http::Response& response) const {
  if (response.status == 200) return ErrorClass::kNone;
  const Json body = ParseJson(response.body);
  if (!At(body, "error").is_object()) return ErrorClass::kRetry;
  return WhatsAppError(IntAt(At(body, "error"), "code"), response.status);
}

http::ClientRequest WhatsAppCloud::Post(std::string body) const {
  http::ClientRequest request;
  request.method = "POST";
  request.url = messages_url_;
  request.headers = {{"Authorization", authorization_}, {"Content-Type", "application/json"}};
  request.body = std::move(body);
  request.timeout = limits().request_timeout;
  return request;
}

SendOutcome WhatsAppCloud::MakeRequests(const Outgoing& message,
                                        std::vector<http::ClientRequest>& requests) const {
  const auto refuse = [](ErrorClass error) {
    SendOutcome outcome;
    outcome.error = error;
    return outcome;
  };
  const common::Content& content = message.content;
  if (content.has_message_template()) {
    const common::MessageTemplate& approved = content.message_template();
    if (approved.has_header_media() && message.provider_media_id.empty() &&
        approved.header_media().url().empty())
      return refuse(ErrorClass::kMediaRefused);
    std::string body = Head(message.address, "template", 1024);
    AppendTemplate(approved, message.provider_media_id, body);
    requests.push_back(Post(Finish(std::move(body), message.key)));
    return {};
  }
  if (content.has_text()) {
    const common::Text& text = content.text();
    if (text.body().empty() || Characters(text.body()) > limits().text_characters)
      return refuse(ErrorClass::kMessageRefused);
    std::string body = Head(message.address, "text", text.body().size());
    AppendText(text.body(), text.preview_links(), body);
    requests.push_back(Post(Finish(std::move(body), message.key)));
    return {};
  }
  if (content.has_location()) {
    std::string body = Head(message.address, "location", 600);
    AppendLocation(content.location(), body);
    requests.push_back(Post(Finish(std::move(body), message.key)));
    return {};
  }
  if (!content.has_media() || TypeOf(content.media().kind()).empty())
    return refuse(ErrorClass::kMessageRefused);
  const common::Media& media = content.media();
  if (message.provider_media_id.empty() && media.url().empty())
    return refuse(ErrorClass::kMediaRefused);
  if (Characters(media.caption()) > limits().caption_characters)
    return refuse(ErrorClass::kMessageRefused);
  std::string body = Head(message.address, TypeOf(media.kind()), 2048);
  AppendMedia(media, message.provider_media_id, body);
  requests.push_back(Post(Finish(std::move(body), message.key)));
  if (media.kind() == common::MEDIA_KIND_AUDIO && !media.caption().empty()) {
    std::string caption = Head(message.address, "text", media.caption().size());
    AppendText(media.caption(), false, caption);
    requests.push_back(Post(Finish(std::move(caption), message.key)));
  }
  return {};
}

SendOutcome WhatsAppCloud::ParseResponse(const http::Response& response) const {
  SendOutcome outcome;
  const Json body = ParseJson(response.body);
  const Json& error = At(body, "error");
  if (error.is_object()) {
    const int64_t code = IntAt(error, "code");
    outcome.code = static_cast<int>(code);
    outcome.error = WhatsAppError(code, response.status);
    outcome.retry_after = RetryAfter(response);
    return outcome;
  }
  if (response.status == 200) {
    outcome.provider_id = TextAt(At(At(body, "messages"), size_t{0}), "id");
    outcome.recipient_id = TextAt(At(At(body, "contacts"), size_t{0}), "user_id");
    // Taken, as it seems; without an id nobody can be sure.
    if (outcome.provider_id.empty()) outcome.error = ErrorClass::kUnknownOutcome;
    return outcome;
  }
  // Not Meta's own words: something between it and us.
  outcome.code = response.status;
  outcome.retry_after = RetryAfter(response);
  if (response.status == 429) {
    outcome.error = ErrorClass::kThrottled;
  } else if (response.status >= 500 && response.status != 503) {
    outcome.error = ErrorClass::kUnknownOutcome;
  } else {
    outcome.error = ErrorClass::kRetry;
  }
  return outcome;
}

http::ClientRequest WhatsAppCloud::Upload(const MediaFile& file) const {
  std::string type;
  std::string body = http::EncodeMultipart(
      {{"messaging_product", "", "", "whatsapp"},
       {"type", "", "", file.mime_type},
       {"file", file.filename.empty() ? file.id : file.filename, file.mime_type, file.data}},
      &type);
  http::ClientRequest request =
      GraphRequest(settings(), "POST", absl::StrCat("/", settings().sender_id, "/media"));
  request.headers.Set("Content-Type", std::move(type));
  request.body = std::move(body);
  request.timeout = absl::Minutes(2);
  return request;
}

UploadOutcome WhatsAppCloud::ParseUpload(const http::Response& response) const {
  const Json body = ParseJson(response.body);
  UploadOutcome outcome;
  outcome.provider_media_id = response.status == 200 ? TextAt(body, "id") : "";
  if (!outcome.provider_media_id.empty()) return outcome;
  outcome.retry_after = RetryAfter(response);
  // Uploading twice does no harm.
  outcome.error = ErrorClass::kMediaRetry;
  if (const Json& error = At(body, "error"); error.is_object()) {
    outcome.code = static_cast<int>(IntAt(error, "code"));
    outcome.error = WhatsAppError(outcome.code, response.status);
    if (outcome.error == ErrorClass::kMessageRefused) outcome.error = ErrorClass::kMediaRefused;
  } else if (response.status == 429) {
    outcome.error = ErrorClass::kThrottled;
  }
  return outcome;
}

absl::StatusOr<Driver::FetchStep> WhatsAppCloud::FetchMedia(const RemoteMedia& media,
                                                            const http::Response* previous) const {
  if (previous == nullptr && media.url.empty()) {
    const std::string path = absl::StrCat("/", http::PercentEncode(media.provider_id),
                                          "?phone_number_id=", settings().sender_id);
    return FetchStep{GraphRequest(settings(), "GET", path), false};
  }
  const std::string url =
      previous == nullptr ? media.url : TextAt(ParseJson(previous->body), "url");
  // The token goes along: never in the clear, unless the whole provider is.
  const bool clear = absl::StartsWith(settings().base_url, "http://");
  if (!absl::StartsWith(url, "https://") && !(clear && absl::StartsWith(url, "http://")))
    return absl::NotFoundError("the provider names no place of the file");
  FetchStep step{GraphRequest(settings(), "GET", ""), true};
  step.request.url = url;
  step.request.timeout = absl::Minutes(2);
  return step;
}

}  // namespace mo::sims
