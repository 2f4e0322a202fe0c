// The methods that send.
#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tools/simulator/doubles/graph.h"
#include "tools/simulator/doubles/telegram.h"
#include "tools/simulator/doubles/telegram_markup.h"

namespace mo::simulator {

namespace {

constexpr size_t kMega = 1 << 20;

struct FileKind {
  const char* field;
  common::MediaKind kind;
  size_t largest;
  const char* mime_type;
};
constexpr FileKind kFileKinds[] = {
    {"photo", common::MEDIA_KIND_IMAGE, 10 * kMega, "image/jpeg"},
    {"audio", common::MEDIA_KIND_AUDIO, 50 * kMega, "audio/mpeg"},
    {"voice", common::MEDIA_KIND_AUDIO, 50 * kMega, "audio/ogg"},
    {"video", common::MEDIA_KIND_VIDEO, 50 * kMega, "video/mp4"},
    {"document", common::MEDIA_KIND_DOCUMENT, 50 * kMega, "application/octet-stream"},
};

}  // namespace

TelegramDouble::Outcome TelegramDouble::FindChat(const Parameters& parameters, Phone** phone) {
  const std::string text = parameters.Text("chat_id");
  if (text.empty()) return Problem{400, "Bad Request: chat_id is empty"};
  int64_t chat_id = 0;
  const bool number = absl::SimpleAtoi(text, &chat_id);
  if (const auto moved = migrated_.find(chat_id); number && moved != migrated_.end()) {
    return Problem{400, "Bad Request: group chat was upgraded to a supergroup chat",
                   json{{"migrate_to_chat_id", moved->second}}};
  }
  *phone = number ? PhoneOfChat(chat_id) : FindPhone(text);
  if (*phone == nullptr) return Problem{400, "Bad Request: chat not found"};
  if ((*phone)->flags.load() & Phone::kGroup) {
    if (world_.groups.IsMember(network_, (*phone)->address, address_)) return std::nullopt;
    const char* kind = absl::StartsWith((*phone)->address, "-100") ? "supergroup" : "group";
    return Problem{403, absl::StrCat("Forbidden: bot was kicked from the ", kind, " chat")};
  }
  const auto contact = contacts_.find((*phone)->id);
  const bool started = contact != contacts_.end() && contact->second.written_ms >= 0;
  if (started || settings_.strangers) return std::nullopt;
  return Problem{403, "Forbidden: bot can't initiate conversation with a user"};
}

TelegramDouble::Outcome TelegramDouble::Deliver(Phone& phone, common::Content content,
                                                const Parameters&, json* result) {
  if (const Rate rate = Take(phone); rate != Rate::kFine) {
    const int64_t seconds = std::max<int64_t>(1, RetryMs(rate) / 1000);
    return Problem{429, absl::StrCat("Too Many Requests: retry after ", seconds),
                   json{{"retry_after", seconds}}};
  }
  const Acceptance acceptance = Accept({&phone, 0, std::move(content), ""});
  if (acceptance.outcome == sims::SEND_OUTCOME_BLOCKED) {
    return Problem{403, "Forbidden: bot was blocked by the user"};
  }
  (*result)["message_id"] = acceptance.id;
  (*result)["from"] = BotJson();
  (*result)["chat"] = ChatJson(phone);
  (*result)["date"] = NowMs() / 1000;
  return std::nullopt;
}

TelegramDouble::Outcome TelegramDouble::SendMessage(const Parameters& parameters, json* result) {
  Phone* phone = nullptr;
  const std::string text = parameters.Text("text");
  if (absl::StripAsciiWhitespace(text).empty()) {
    return Problem{400, "Bad Request: message text is empty"};
  }
  if (auto problem = FindChat(parameters, &phone)) return problem;
  if (Characters(text) > 4096) return Problem{400, "Bad Request: message is too long"};
  if (std::string wrong = MarkupProblem(parameters.Text("parse_mode"), text); !wrong.empty()) {
    return Problem{400, std::move(wrong)};
  }
  for (const char* name :
       {"reply_markup", "link_preview_options", "entities", "reply_parameters"}) {
    if (parameters.Has(name) && parameters.Value(name).is_discarded()) {
      return Problem{400, absl::StrCat("Bad Request: can't parse ", name, " JSON object")};
    }
  }
  common::Content content;
  content.mutable_text()->set_body(text);
  (*result)["text"] = text;
  return Deliver(*phone, std::move(content), parameters, result);
}

TelegramDouble::Outcome TelegramDouble::SendLocation(const Parameters& parameters, json* result) {
  Phone* phone = nullptr;
  if (auto problem = FindChat(parameters, &phone)) return problem;
  const auto latitude = parameters.Number("latitude"), longitude = parameters.Number("longitude");
  if (!latitude) return Problem{400, "Bad Request: latitude is empty"};
  if (!longitude) return Problem{400, "Bad Request: longitude is empty"};
  if (*latitude < -90 || *latitude > 90 || *longitude < -180 || *longitude > 180) {
    return Problem{400, "Bad Request: wrong geo location specified"};
  }
  common::Content content;
  content.mutable_location()->set_latitude(*latitude);
  content.mutable_location()->set_longitude(*longitude);
  (*result)["location"] = {{"latitude", *latitude}, {"longitude", *longitude}};
  return Deliver(*phone, std::move(content), parameters, result);
}

std::string TelegramDouble::StoreFile(File file) {
  file.unique_id = absl::StrCat("AQAD", absl::Hex(HashText(file.data)));
  const std::string id = absl::StrCat("AgACAgIAAxk", absl::Hex(Mix(world_.seed ^ id_)), NextId());
  files_[id] = std::move(file);
  return id;
}

json TelegramDouble::FileJson(const std::string& id) const {
  const File& file = files_.at(id);
  return {{"file_id", id},
          {"file_unique_id", file.unique_id},
          {"file_size", file.data.size()},
          {"mime_type", file.mime_type},
          {"file_name", file.filename},
          {"duration", 1}};
}

// Of each photo Telegram has several sizes.
json TelegramDouble::PhotoJson(const std::string& id) const {
  json sizes = json::array();
  for (const int width : {90, 320, 800}) {
    const File& file = files_.at(id);
    sizes.push_back({{"file_id", id},
                     {"file_unique_id", absl::StrCat(file.unique_id, width)},
                     {"width", width},
                     {"height", width},
                     {"file_size", file.data.size()}});
  }
  return sizes;
}

TelegramDouble::Outcome TelegramDouble::TakeFile(const Parameters& parameters,
                                                 const std::string& reference, const char* field,
                                                 size_t largest, std::string* file_id,
                                                 common::Media* media) {
  absl::string_view name = reference;
  const bool attached = absl::ConsumePrefix(&name, "attach://");
  const auto part = parameters.files.find(attached ? std::string(name) : field);
  if (attached || reference.empty()) {
    if (part == parameters.files.end()) {
      return Problem{400, absl::StrCat("Bad Request: there is no ", field, " in the request")};
    }
    const http::Part& file = part->second;
    if (file.body.empty()) return Problem{400, "Bad Request: file must be non-empty"};
    if (file.body.size() > largest) return Problem{400, "Bad Request: file is too big"};
    *file_id = StoreFile({"", file.content_type, file.filename, std::string(file.body)});
    // The same bytes are the same message, whatever the file's number.
    media->set_url(absl::StrCat("file:", files_[*file_id].unique_id));
    media->set_filename(file.filename);
    return std::nullopt;
  }
  if (absl::StartsWith(reference, "http://") || absl::StartsWith(reference, "https://")) {
    media->set_url(reference);
    *file_id = StoreFile({"", "", reference.substr(reference.rfind('/') + 1), reference});
    return std::nullopt;
  }
  const auto known = files_.find(reference);
  if (known == files_.end()) {
    return Problem{400, "Bad Request: wrong file identifier/HTTP URL specified"};
  }
  *file_id = reference;
  media->set_url(absl::StrCat("file:", known->second.unique_id));
  return std::nullopt;
}

template <int kKind>
TelegramDouble::Outcome TelegramDouble::SendFile(const Parameters& parameters, json* result) {
  const FileKind& kind = kFileKinds[kKind];
  Phone* phone = nullptr;
  if (auto problem = FindChat(parameters, &phone)) return problem;
  const std::string caption = parameters.Text("caption");
  if (Characters(caption) > 1024) {
    return Problem{400, "Bad Request: message caption is too long"};
  }
  if (std::string wrong = MarkupProblem(parameters.Text("parse_mode"), caption); !wrong.empty()) {
    return Problem{400, std::move(wrong)};
  }
  common::Content content;
  common::Media& media = *content.mutable_media();
  media.set_kind(kind.kind);
  media.set_caption(caption);
  std::string id;
  if (auto problem = TakeFile(parameters, parameters.Text(kind.field), kind.field, kind.largest,
                              &id, &media)) {
    return problem;
  }
  if (files_[id].mime_type.empty()) files_[id].mime_type = kind.mime_type;
  (*result)[kind.field] = kKind == 0 ? PhotoJson(id) : FileJson(id);
  if (!caption.empty()) (*result)["caption"] = caption;
  return Deliver(*phone, std::move(content), parameters, result);
}

TelegramDouble::Outcome TelegramDouble::SendMediaGroup(const Parameters& parameters, json* result) {
  Phone* phone = nullptr;
  if (auto problem = FindChat(parameters, &phone)) return problem;
  const json items = parameters.Value("media");
  if (!items.is_array()) return Problem{400, "Bad Request: can't parse media JSON object"};
  if (items.size() < 2 || items.size() > 10) {
    return Problem{400, "Bad Request: wrong number of messages in the media group: 2-10 expected"};
  }
  *result = json::array();
  for (const json& item : items) {
    const std::string type = item.is_object() ? item.value("type", "") : "";
    const auto* kind = std::find_if(std::begin(kFileKinds), std::end(kFileKinds),
                                    [&](const FileKind& known) { return type == known.field; });
    if (kind == std::end(kFileKinds) || type == "voice") {
      return Problem{400, "Bad Request: can't parse InputMedia: type is not one of those possible"};
    }
    common::Content content;
    content.mutable_media()->set_kind(kind->kind);
    content.mutable_media()->set_caption(item.value("caption", ""));
    std::string id;
    if (auto problem = TakeFile(parameters, item.value("media", ""), kind->field, kind->largest,
                                &id, content.mutable_media())) {
      return problem;
    }
    json message{{"media_group_id", absl::StrCat(HashText(id))}};
    message[type] = type == "photo" ? PhotoJson(id) : FileJson(id);
    if (auto problem = Deliver(*phone, std::move(content), parameters, &message)) return problem;
    result->push_back(std::move(message));
  }
  return std::nullopt;
}

template TelegramDouble::Outcome TelegramDouble::SendFile<0>(const Parameters&, json*);
template TelegramDouble::Outcome TelegramDouble::SendFile<1>(const Parameters&, json*);
template TelegramDouble::Outcome TelegramDouble::SendFile<2>(const Parameters&, json*);
template TelegramDouble::Outcome TelegramDouble::SendFile<3>(const Parameters&, json*);
template TelegramDouble::Outcome TelegramDouble::SendFile<4>(const Parameters&, json*);

}  // namespace mo::simulator
