// How WhatsApp's messages are written (PROTOCOLS.md §1.1).
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "services/sims/drivers/json.h"
#include "services/sims/drivers/text.h"
#include "services/sims/drivers/whatsapp_cloud.h"
#include "services/sims/drivers/whatsapp_interactive.h"

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
  if (IsInteractive(content)) return MakeInteractive(message, requests);
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

SendOutcome WhatsAppCloud::MakeInteractive(const Outgoing& message,
                                           std::vector<http::ClientRequest>& requests) const {
  const common::Content& content = message.content;
  const InteractiveShape shape = ShapeOf(content);
  SendOutcome refused;
  refused.error = ErrorClass::kMessageRefused;
  if (!shape.fits) return refused;
  std::string header;
  absl::string_view type;
  if (content.has_media()) {
    refused.error = ErrorClass::kMediaRefused;
    type = TypeOf(content.media().kind());
    if (type.empty() || (message.provider_media_id.empty() && content.media().url().empty()))
      return refused;
    common::Media silent = content.media();
    silent.clear_caption();
    AppendMedia(silent, message.provider_media_id, header);
    if (shape.media_apart) {
      std::string body = Head(message.address, type, header.size());
      requests.push_back(Post(Finish(body + std::exchange(header, ""), message.key)));
    }
  }
  std::string body = Head(message.address, "interactive", 1024);
  AppendInteractive(content, shape, type, header, body);
  requests.push_back(Post(Finish(std::move(body), message.key)));
  return {};
}

}  // namespace mo::sims
