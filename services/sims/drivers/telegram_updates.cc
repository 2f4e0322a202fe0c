#include "services/sims/drivers/telegram_updates.h"

#include <array>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/runtime/clock.h"

namespace mo::sims {
namespace {

bool IsGroup(const Json& chat) {
  const std::string type = TextAt(chat, "type");
  return type == "group" || type == "supergroup";
}

std::string NameOf(const Json& person) {
  std::string name = absl::StrCat(TextAt(person, "first_name"), " ", TextAt(person, "last_name"));
  absl::StripAsciiWhitespace(&name);
  return name.empty() ? TextAt(person, "username") : name;
}

// A file as messages describe it, whatever its kind.
RemoteMedia MediaOf(const Json& file, absl::string_view mime_type) {
  RemoteMedia media;
  media.provider_id = TextAt(file, "file_id");
  media.mime_type = TextAt(file, "mime_type");
  if (media.mime_type.empty()) media.mime_type = std::string(mime_type);
  media.size_bytes = IntAt(file, "file_size");
  return media;
}

struct FileKind {
  const char* member;
  common::MediaKind kind;
  absl::string_view mime_type;  // when the message does not say
};
// An animation also comes as a document: it is looked for first.
constexpr std::array<FileKind, 6> kFileKinds = {{
    {"animation", common::MEDIA_KIND_VIDEO, "video/mp4"},
    {"audio", common::MEDIA_KIND_AUDIO, "audio/mpeg"},
    {"voice", common::MEDIA_KIND_AUDIO, "audio/ogg"},
    {"video", common::MEDIA_KIND_VIDEO, "video/mp4"},
    {"video_note", common::MEDIA_KIND_VIDEO, "video/mp4"},
    {"document", common::MEDIA_KIND_DOCUMENT, "application/octet-stream"},
}};

// The largest size of a photo.
const Json& Largest(const Json& message) {
  const Json* largest = &At(message, "");
  int64_t area = -1;
  for (const Json& size : ListAt(message, "photo")) {
    const int64_t width = IntAt(size, "width"), height = IntAt(size, "height");
    if (width < 0 || width > 1 << 20 || height < 0 || height > 1 << 20) continue;
    if (width * height <= area) continue;
    area = width * height;
    largest = &size;
  }
  return *largest;
}

// A still sticker is a picture; of the others there may be one.
RemoteMedia StickerOf(const Json& sticker) {
  const bool moves = BoolAt(sticker, "is_animated") || BoolAt(sticker, "is_video");
  return moves ? MediaOf(At(sticker, "thumbnail"), "image/jpeg") : MediaOf(sticker, "image/webp");
}

struct FoundMedia {
  common::MediaKind kind;
  RemoteMedia media;
  std::string filename;
};

std::optional<FoundMedia> FindMedia(const Json& message) {
  if (!ListAt(message, "photo").empty())
    return FoundMedia{common::MEDIA_KIND_IMAGE, MediaOf(Largest(message), "image/jpeg"), ""};
  for (const FileKind& kind : kFileKinds) {
    const Json& file = At(message, kind.member);
    if (!file.is_object()) continue;
    return FoundMedia{kind.kind, MediaOf(file, kind.mime_type), TextAt(file, "file_name")};
  }
  if (const Json& sticker = At(message, "sticker"); sticker.is_object())
    return FoundMedia{common::MEDIA_KIND_IMAGE, StickerOf(sticker), ""};
  return std::nullopt;
}

bool SetLocation(const Json& message, common::Content& content) {
  const Json& venue = At(message, "venue");
  const Json& place = venue.is_object() ? At(venue, "location") : At(message, "location");
  if (!place.is_object()) return false;
  common::Location& location = *content.mutable_location();
  location.set_latitude(NumberAt(place, "latitude"));
  location.set_longitude(NumberAt(place, "longitude"));
  location.set_name(TextAt(venue, "title"));
  location.set_address(TextAt(venue, "address"));
  return true;
}

// "Anna Huber (+43664…)".
bool SetContact(const Json& message, common::Content& content) {
  const Json& contact = At(message, "contact");
  if (!contact.is_object()) return false;
  const std::string name = NameOf(contact), phone = TextAt(contact, "phone_number");
  content.mutable_text()->set_body(name.empty() ? phone : absl::StrCat(name, " (", phone, ")"));
  return !content.text().body().empty();
}

// The network's word for something that is not shown here; "" for what is no message at all.
std::string OtherKind(const Json& message) {
  for (const char* kind :
       {"web_app_data", "poll", "dice", "game", "story", "sticker", "invoice", "successful_payment",
        "paid_media", "giveaway", "checklist", "contact"}) {
    if (!At(message, kind).is_null()) return kind;
  }
  return "";
}

// Fills in what was said; false: nothing.
bool SetContent(const Json& message, InboundMessage& inbound) {
  common::Content& content = *inbound.message.mutable_content();
  if (std::string text = TextAt(message, "text"); !text.empty()) {
    content.mutable_text()->set_body(std::move(text));
    return true;
  }
  if (SetLocation(message, content) || SetContact(message, content)) return true;
  std::optional<FoundMedia> found = FindMedia(message);
  if (found.has_value() && !found->media.provider_id.empty()) {
    common::Media& media = *content.mutable_media();
    media.set_kind(found->kind);
    media.set_mime_type(found->media.mime_type);
    media.set_size_bytes(found->media.size_bytes);
    media.set_filename(std::move(found->filename));
    media.set_caption(TextAt(message, "caption"));
    inbound.media = std::move(found->media);
    return true;
  }
  const std::string other = OtherKind(message);
  content.mutable_unsupported()->set_kind(other);
  return !other.empty();
}

// "/start abc", in a group "/start@our_bot abc".
std::string StartPayload(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, "/start")) return "";
  if (absl::StartsWith(text, "@")) text.remove_prefix(std::min(text.find(' '), text.size()));
  if (!absl::ConsumePrefix(&text, " ")) return "";
  return std::string(absl::StripAsciiWhitespace(text));
}

}  // namespace

std::string TelegramMessageId(const Json& message) {
  const int64_t chat = IntAt(At(message, "chat"), "id"), id = IntAt(message, "message_id");
  return chat == 0 || id == 0 ? "" : absl::StrCat(chat, ":", id);
}

absl::Time TelegramUpdates::TimeOf(const Json& object) const {
  const int64_t date = IntAt(object, "date");
  return date > 0 && date < 10'000'000'000 ? absl::FromUnixSeconds(date) : now_;
}

void TelegramUpdates::Add(const Json& update) {
  if (const Json& message = At(update, "message"); message.is_object()) {
    AddMessage(message);
  } else if (const Json& change = At(update, "my_chat_member"); change.is_object()) {
    AddMember(change);
  } else {
    ++ignored_;
  }
}

CallbackEvents TelegramUpdates::Take() {
  CallbackEvents events;
  events.ignored = ignored_;
  const bool some = !sender_.inbound.empty() || !sender_.groups.empty() ||
                    !sender_.consents.empty() || !sender_.moved.empty();
  if (some) events.senders.push_back(std::move(sender_));
  return events;
}

bool TelegramUpdates::AddNotice(const Json& message) {
  const Json& chat = At(message, "chat");
  const std::string id = TextAt(chat, "id");
  // Both chats are told of a migration: the old one with its successor, the new one with the old.
  if (const std::string to = TextAt(message, "migrate_to_chat_id"); !to.empty()) {
    sender_.moved.push_back({id, to});
    return true;
  }
  if (const std::string from = TextAt(message, "migrate_from_chat_id"); !from.empty()) {
    sender_.moved.push_back({from, id});
    return true;
  }
  const auto member = [&](const Json& user, bool left) {
    if (bot_id_ == 0 || IntAt(user, "id") != bot_id_ || !IsGroup(chat)) return false;
    v1::GroupMembership& group = sender_.groups.emplace_back();
    group.set_group_id(id);
    group.set_display_name(TextAt(chat, "title"));
    group.set_left(left);
    *group.mutable_time() = ToProto(TimeOf(message));
    return true;
  };
  if (member(At(message, "left_chat_member"), true)) return true;
  for (const Json& user : ListAt(message, "new_chat_members")) {
    if (member(user, false)) return true;
  }
  return false;
}

void TelegramUpdates::AddMessage(const Json& message) {
  const Json& chat = At(message, "chat");
  const Json& from = At(message, "from");
  const std::string id = TelegramMessageId(message);
  if (!id.empty() && AddNotice(message)) return;
  InboundMessage inbound;
  v1::Inbound& said = inbound.message;
  // Not what bots say: two of them would answer each other for ever.
  if (id.empty() || IntAt(from, "id") == 0 || BoolAt(from, "is_bot") ||
      !SetContent(message, inbound)) {
    ++ignored_;
    return;
  }
  said.set_provider_message_id(id);
  said.set_sender_address(TextAt(from, "id"));
  said.set_sender_name(NameOf(from));
  if (IsGroup(chat)) said.set_group_id(TextAt(chat, "id"));
  // Others' contacts can be shared as well.
  const Json& contact = At(message, "contact");
  if (IntAt(contact, "user_id") == IntAt(from, "id"))
    said.set_sender_phone(TextAt(contact, "phone_number"));
  *said.mutable_time() = ToProto(TimeOf(message));
  inbound.start_payload = StartPayload(TextAt(message, "text"));
  const Json& answered = At(message, "reply_to_message");
  if (const int64_t number = IntAt(answered, "message_id"); number != 0)
    inbound.reply_to = absl::StrCat(IntAt(chat, "id"), ":", number);
  sender_.inbound.push_back(std::move(inbound));
}

void TelegramUpdates::AddMember(const Json& change) {
  const Json& chat = At(change, "chat");
  const std::string status = TextAt(At(change, "new_chat_member"), "status");
  const std::string id = TextAt(chat, "id");
  const bool out = status == "left" || status == "kicked";
  const bool in = status == "member" || status == "administrator" || status == "creator" ||
                  (status == "restricted" && BoolAt(At(change, "new_chat_member"), "is_member"));
  const bool person = TextAt(chat, "type") == "private";
  if (id.empty() || (!in && !out && status != "restricted") || (!person && !IsGroup(chat))) {
    ++ignored_;
    return;
  }
  if (person) {
    sender_.consents.push_back({id, !in, /*marketing=*/false, TimeOf(change)});
    return;
  }
  v1::GroupMembership& group = sender_.groups.emplace_back();
  group.set_group_id(id);
  group.set_display_name(TextAt(chat, "title"));
  group.set_left(!in);
  *group.mutable_time() = ToProto(TimeOf(change));
}

}  // namespace mo::sims
