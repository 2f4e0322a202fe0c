// How Telegram's messages are written (PROTOCOLS.md §2.2).
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
#include "services/sims/drivers/json.h"
#include "services/sims/drivers/telegram.h"
#include "services/sims/drivers/telegram_markup.h"
#include "services/sims/drivers/text.h"

namespace mo::sims {
namespace {

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

SendOutcome Refused(ErrorClass error) {
  SendOutcome outcome;
  outcome.error = error;
  return outcome;
}

}  // namespace

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
    std::string body = TextBody(chat, text.body(), text.preview_links());
    if (const std::string markup = TelegramMarkup(content); !markup.empty()) {
      body.pop_back();
      absl::StrAppend(&body, ",\"reply_markup\":", markup, "}");
    }
    requests.push_back(Call("sendMessage", std::move(body)));
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
  const std::string markup = TelegramMarkup(message.content);
  if (message.provider_media_id.empty() && file != nullptr) {
    std::vector<http::Part> parts;
    const std::string id(absl::StripPrefix(absl::StripSuffix(chat, "\""), "\""));
    parts.push_back({"chat_id", "", "", id});
    if (!media.caption().empty()) parts.push_back({"caption", "", "", media.caption()});
    if (!markup.empty()) parts.push_back({"reply_markup", "", "", markup});
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
  if (!markup.empty()) absl::StrAppend(&body, ",\"reply_markup\":", markup);
  requests.push_back(Call(MethodOf(field), body + "}"));
  return {};
}

std::optional<http::ClientRequest> Telegram::LeaveGroup(absl::string_view group_id) const {
  const std::string chat = ChatOf(group_id);
  if (chat.empty()) return std::nullopt;
  return Call("leaveChat", absl::StrCat("{\"chat_id\":", chat, "}"));
}

}  // namespace mo::sims
