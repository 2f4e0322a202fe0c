#include "tools/simulator/doubles/messenger.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace mo::simulator {

namespace {

constexpr int64_t kAgentWindowMs = int64_t{7} * 24 * 3600 * 1000;
constexpr size_t kMega = 1 << 20;

bool IsText(const json& object, const char* name) {
  return object.is_object() && object.contains(name) && object[name].is_string();
}

}  // namespace

ProviderLimits MessengerDouble::DefaultLimits() {
  ProviderLimits limits;
  limits.messages_per_second = 300;
  limits.window_ms = 24 * 3600 * 1000;
  return limits;
}

MessengerDouble::MessengerDouble(uint32_t id, DoubleSpec spec, DoubleSettings settings,
                                 World& world, http::Client& client, std::string origin)
    : GraphDouble(id, std::move(spec), settings, world, client, std::move(origin)) {
  OnCallback();
}

const GraphDouble::Words* MessengerDouble::FindWords(int code) const {
  static constexpr Words kWords[] = {
      {190, 401, ""},
      {10, 403, ""},
      {200, 403, "You do not have permission to access this resource"},
      {551, 400, "This person isn't available right now."},
      {613, 400, "Calls to this api have exceeded the rate limit."},
      {4, 400, "Application request limit reached"},
      {32, 400, "Page request limit reached"},
      {80006, 400, "There have been too many calls to this Messenger account."},
      {100, 400, "Invalid parameter"},
      {2, 503, "Service temporarily unavailable"},
      {1200, 500, "Temporary send message failure. Please try again later."},
      {36000, 400, "Media could not be fetched"},
  };
  const auto* found = std::find_if(std::begin(kWords), std::end(kWords),
                                   [&](const Words& words) { return words.code == code; });
  return found == std::end(kWords) ? nullptr : found;
}

bool MessengerDouble::IsSend(const ProviderCall& call) const {
  return call.request.method == "POST" && call.path.size() == 3 && call.path[2] == "messages" &&
         !(call.body.is_object() && call.body.contains("sender_action"));
}

std::optional<http::Response> MessengerDouble::Handle(ProviderCall& call) {
  if (call.path.size() == 4 && call.path[0] == "files") return Download(call);
  if (auto refusal = Refuse(call)) return refusal;
  const std::string& method = call.request.method;
  const std::string object = call.path.size() > 1 ? call.path[1] : "";
  const std::string edge = call.path.size() > 2 ? call.path[2] : "";
  const bool page = object == spec_.sender_id || object == "me";
  if (page && edge.empty() && method == "GET") {
    return Json(200, json{{"id", spec_.sender_id}, {"name", address_}}.dump());
  }
  if (page && edge == "messages" && method == "POST") {
    if (!call.body.is_object()) return Fail({100, "The body must be a JSON object"});
    return Send(call.body);
  }
  if (page && edge == "message_attachments" && method == "POST") return Upload(call);
  if (page && edge == "messenger_profile" && method == "POST") {
    return Json(200, R"({"result":"success"})");
  }
  if (page && edge == "subscribed_apps" && method == "POST") {
    return Json(200, R"({"success":true})");
  }
  if (edge.empty() && method == "GET") return Profile(call);
  return Fail(
      {100, absl::StrCat("Unsupported request. Object with ID '", object, "' does not exist"), 33});
}

std::string MessengerDouble::MessageId(int64_t id) const {
  return absl::StrCat(
      "m_", absl::WebSafeBase64Escape(absl::StrCat(absl::Hex(Mix(world_.seed ^ id_)), ":", id)));
}

std::optional<GraphError> MessengerDouble::FindRecipient(const json& recipient, Phone** phone,
                                                         bool* asked) const {
  if (!recipient.is_object() || recipient.size() != 1) {
    return GraphError{100, "The parameter recipient is required"};
  }
  if (IsText(recipient, "notification_messages_token")) {
    const auto found = tokens_.find(recipient["notification_messages_token"].get<std::string>());
    if (found == tokens_.end()) return GraphError{100, "Invalid notification_messages_token"};
    *phone = found->second;
    *asked = true;
    return std::nullopt;
  }
  if (IsText(recipient, "id")) *phone = FindPhone(recipient["id"].get<std::string>());
  if (*phone == nullptr) return GraphError{100, "No matching user found", 2018001};
  return std::nullopt;
}

std::optional<GraphError> MessengerDouble::CheckWindow(const json& body, const Phone& phone) const {
  const std::string type = IsText(body, "messaging_type") ? body["messaging_type"] : "";
  if (type != "RESPONSE" && type != "UPDATE" && type != "MESSAGE_TAG") {
    return GraphError{100, "Param messaging_type must be one of {RESPONSE, UPDATE, MESSAGE_TAG}"};
  }
  const bool tagged = type == "MESSAGE_TAG";
  const std::string tag = IsText(body, "tag") ? body["tag"] : "";
  if (tagged && tag != "HUMAN_AGENT") {
    return GraphError{100, tag.empty() ? "The parameter tag is required"
                                       : absl::StrCat("Message tag ", tag, " is not supported")};
  }
  const GraphError closed{10, "This message is sent outside of allowed window.", 2018278};
  if (WindowOpen(phone)) return std::nullopt;
  const auto contact = contacts_.find(phone.id);
  if (!tagged || contact == contacts_.end() || contact->second.written_ms < 0 ||
      NowMs() - contact->second.written_ms > kAgentWindowMs) {
    return closed;
  }
  return std::nullopt;
}

std::optional<GraphError> MessengerDouble::CheckAttachment(const json& attachment,
                                                           common::Media* media) const {
  const std::string type = IsText(attachment, "type") ? attachment["type"] : "";
  media->set_kind(type == "image"   ? common::MEDIA_KIND_IMAGE
                  : type == "audio" ? common::MEDIA_KIND_AUDIO
                  : type == "video" ? common::MEDIA_KIND_VIDEO
                                    : common::MEDIA_KIND_DOCUMENT);
  if (type != "image" && type != "audio" && type != "video" && type != "file" &&
      type != "template") {
    return GraphError{
        100,
        "Param message[attachment][type] must be one of {image, audio, video, file, template}"};
  }
  const json payload = attachment.value("payload", json());
  if (!payload.is_object()) {
    return GraphError{100, "The parameter message[attachment][payload] is required"};
  }
  if (type == "template") return std::nullopt;
  if (IsText(payload, "attachment_id")) {
    const std::string id = payload["attachment_id"];
    if (files_.count(id) == 0) return GraphError{100, "Invalid attachment_id"};
    media->set_url("attachment:" + id);
    return std::nullopt;
  }
  const std::string url = IsText(payload, "url") ? payload["url"] : "";
  if (!absl::StartsWith(url, "https://") && !absl::StartsWith(url, "http://")) {
    return GraphError{100, "message[attachment][payload][url] is not a valid URI"};
  }
  media->set_url(url);
  return std::nullopt;
}

std::optional<GraphError> MessengerDouble::CheckMessage(const json& message,
                                                        common::Content* content) const {
  if (!message.is_object() || message.empty()) {
    return GraphError{100, "The parameter message is required"};
  }
  for (const auto& item : message.items()) {
    const std::string& key = item.key();
    if (key != "text" && key != "attachment" && key != "quick_replies" && key != "metadata" &&
        key != "reply_to") {
      return GraphError{
          100, absl::StrCat("Invalid keys \"", key, "\" were found in param \"message\".")};
    }
  }
  if (message.contains("text") == message.contains("attachment")) {
    return GraphError{100, "Only one of the text, attachment fields can be specified"};
  }
  for (const json& reply : message.value("quick_replies", json::array())) {
    if (!reply.is_object() || Characters(reply.value("title", "")) > 20 ||
        reply.value("payload", "").size() > 1000 || !reply.contains("content_type")) {
      return GraphError{100, "Param message[quick_replies] is not valid"};
    }
  }
  if (message.value("quick_replies", json::array()).size() > 13) {
    return GraphError{100, "Param message[quick_replies] must have at most 13 elements"};
  }
  if (message.contains("attachment")) {
    return CheckAttachment(message["attachment"], content->mutable_media());
  }
  if (!IsText(message, "text") || message["text"].get<std::string>().empty()) {
    return GraphError{100, "Param message[text] must be a non-empty UTF-8 encoded string"};
  }
  content->mutable_text()->set_body(message["text"].get<std::string>());
  if (Characters(content->text().body()) > 2000) {
    return GraphError{100, "Length of param message[text] must be less than or equal to 2000"};
  }
  return std::nullopt;
}

http::Response MessengerDouble::Send(const json& body) {
  if (banned_) return Fail({10, "This Page is restricted from sending messages", 1893063});
  Phone* phone = nullptr;
  bool asked = false;
  if (const auto error = FindRecipient(body.value("recipient", json()), &phone, &asked)) {
    return Fail(*error);
  }
  const std::string recipient = absl::StrCat(R"({"recipient_id":")", phone->address, "\"");
  if (body.contains("sender_action")) {
    const json& action = body["sender_action"];
    if (action == "typing_on" || action == "typing_off" || action == "mark_seen") {
      return Json(200, recipient + "}");
    }
    return Fail({100, "Param sender_action must be one of {typing_on, typing_off, mark_seen}"});
  }
  const json message = body.value("message", json());
  Submission submission{phone, 0, {}, absl::StrCat(NowMs())};
  if (const auto error = CheckMessage(message, &submission.content)) return Fail(*error);
  if (!asked) {
    if (const auto error = CheckWindow(body, *phone)) return Fail(*error);
  }
  if (const Rate rate = Take(*phone); rate != Rate::kFine) return Fail({613, ""}, 0);
  if (IsText(message, "metadata"))
    submission.once = KeyOfTag(message["metadata"].get<std::string>());
  const std::string tag = submission.tag;
  const Acceptance acceptance = Accept(std::move(submission));
  if (acceptance.outcome == sims::SEND_OUTCOME_BLOCKED) {
    return Fail({551, "This person isn't available right now.", 1545041});
  }
  const std::string id = MessageId(acceptance.id);
  // The page's own app hears of it, too.
  std::string echo =
      absl::StrCat(R"({"mid":")", id, R"(","is_echo":true,"app_id":1517776481860111)");
  if (IsText(message, "text")) {
    absl::StrAppend(&echo, ",\"text\":", GraphQuote(message["text"].get<std::string>()));
  }
  if (IsText(message, "metadata")) {
    absl::StrAppend(&echo, ",\"metadata\":", GraphQuote(message["metadata"].get<std::string>()));
  }
  int64_t time_ms = 0;
  (void)absl::SimpleAtoi(tag, &time_ms);
  AddEvent(spec_.sender_id, phone->address, time_ms, "message", echo + "}");
  return Json(200, absl::StrCat(recipient, R"(,"message_id":")", id, "\"}"));
}

http::Response MessengerDouble::Upload(const ProviderCall& call) {
  const auto parts =
      http::ParseMultipart(call.request.body, call.request.headers.Get("content-type"));
  if (!parts.ok()) return Fail({100, "The body must be multipart/form-data"});
  const http::Part* file = nullptr;
  json message;
  for (const http::Part& part : *parts) {
    if (part.name == "filedata") file = &part;
    if (part.name == "message") message = json::parse(part.body, nullptr, false);
  }
  if (!message.is_object() || !message.contains("attachment")) {
    return Fail({100, "The parameter message is required"});
  }
  if (file == nullptr || file->body.empty())
    return Fail({100, "Incorrect number of files uploaded."});
  const bool image = absl::StartsWith(file->content_type, "image/");
  if (file->body.size() > (image ? 8 * kMega : 25 * kMega)) {
    return Fail({100, "Attachment size exceeds allowable limit", 2018047});
  }
  const std::string id = absl::StrCat(Mix(world_.seed ^ id_) % 900000000 + 100000000, NextId());
  files_[id] = {file->content_type, std::string(file->body), INT64_MAX};
  return Json(200, absl::StrCat(R"({"attachment_id":")", id, "\"}"));
}

http::Response MessengerDouble::Download(const ProviderCall& call) const {
  const auto found = files_.find(call.path[2]);
  if (found == files_.end() || found->second.expire_ms < NowMs()) {
    http::Response gone;
    gone.status = 403;
    gone.body = "URL signature expired";
    return gone;
  }
  http::Response response;
  response.headers.Add("Content-Type", found->second.mime_type);
  response.body = found->second.data;
  return response;
}

http::Response MessengerDouble::Profile(const ProviderCall& call) const {
  Phone* phone = call.path.size() > 1 ? FindPhone(call.path[1]) : nullptr;
  if (phone == nullptr) return Fail({100, "No matching user found", 33});
  return Json(200, json{{"first_name", world_.phones.View(*phone).name},
                        {"last_name", ""},
                        {"id", phone->address}}
                       .dump());
}

}  // namespace mo::simulator
