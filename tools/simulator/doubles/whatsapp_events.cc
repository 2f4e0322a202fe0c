// What the Cloud API tells its customer.
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tools/simulator/doubles/files.h"
#include "tools/simulator/doubles/whatsapp.h"

namespace mo::simulator {

namespace {

constexpr size_t kMostUpdates = 1000;  // in one callback
constexpr int64_t kInboundFileMs = int64_t{7} * 24 * 3600 * 1000;

constexpr const char* kStatuses[] = {"", "sent", "delivered", "read", "failed"};

const char* TypeOf(common::MediaKind kind) {
  switch (kind) {
    case common::MEDIA_KIND_AUDIO:
      return "audio";
    case common::MEDIA_KIND_VIDEO:
      return "video";
    case common::MEDIA_KIND_DOCUMENT:
      return "document";
    default:
      return "image";
  }
}

}  // namespace

std::string WhatsAppDouble::Metadata() const {
  return absl::StrCat(R"({"display_phone_number":")", absl::StripPrefix(spec_.address, "+"),
                      R"(","phone_number_id":")", spec_.sender_id, "\"}");
}

void WhatsAppDouble::NotifyChange(absl::string_view field, absl::string_view value) {
  Notify(absl::StrCat(R"({"object":"whatsapp_business_account","entry":[{"id":")",
                      spec_.business_id.empty() ? "0" : spec_.business_id,
                      R"(","changes":[{"field":")", field, R"(","value":)", value, "}]}]}"));
}

void WhatsAppDouble::OnStatuses(const std::vector<Status>& statuses) {
  for (size_t begin = 0; begin < statuses.size(); begin += kMostUpdates) {
    const size_t end = std::min(begin + kMostUpdates, statuses.size());
    std::string value = absl::StrCat(R"({"messaging_product":"whatsapp","metadata":)", Metadata(),
                                     R"(,"statuses":[)");
    for (size_t i = begin; i < end; ++i) {
      const Status& status = statuses[i];
      const bool group = status.phone->flags.load() & Phone::kGroup;
      absl::StrAppend(&value, i == begin ? "" : ",", R"({"id":")", MessageId(status.id),
                      R"(","status":")", kStatuses[status.state], R"(","timestamp":")",
                      status.time_ms / 1000, R"(","recipient_id":")",
                      absl::StripPrefix(status.phone->address, "+"), "\"");
      if (group) value += R"(,"recipient_type":"group")";
      if (!status.tag->empty()) {
        absl::StrAppend(&value, R"(,"biz_opaque_callback_data":)", GraphQuote(*status.tag));
      }
      if (status.state == sims::RECEIPT_STATE_FAILED) {
        const Words* words = FindWords(status.code);
        const std::string title = words == nullptr ? "Error" : words->text;
        absl::StrAppend(&value, R"(,"errors":[{"code":)", status.code, R"(,"title":)",
                        GraphQuote(title), R"(,"message":)", GraphQuote(title),
                        R"(,"error_data":{"details":)", GraphQuote(title), "}}]");
      } else if (status.state != sims::RECEIPT_STATE_READ) {
        value += R"(,"pricing":{"billable":true,"pricing_model":"PMP","category":"service",)"
                 R"("type":"regular"})";
      }
      value.push_back('}');
    }
    NotifyChange("messages", value + "]}");
  }
}

absl::Status WhatsAppDouble::OnReceive(Phone& phone, DoubleInbound& inbound) {
  sims::Inbound& written = inbound.message;
  written.set_provider_message_id("wamid." + written.provider_message_id());
  const std::string user_id = UserId(phone);
  const std::string number(absl::StripPrefix(phone.address, "+"));
  user_ids_[user_id] = &phone;
  json contact{{"profile", {{"name", written.sender_name()}}}, {"user_id", user_id}};
  json message{{"from_user_id", user_id},
               {"id", written.provider_message_id()},
               {"timestamp", absl::StrCat(written.time().seconds())}};
  if (user_id != phone.address) {
    contact["wa_id"] = number;
    message["from"] = number;
  }
  if (!written.group_id().empty()) message["group_id"] = written.group_id();
  const common::Content& content = written.content();
  if (content.has_text()) {
    message["type"] = "text";
    message["text"] = {{"body", content.text().body()}};
  } else if (content.has_location()) {
    const common::Location& place = content.location();
    message["type"] = "location";
    message["location"] = {{"latitude", place.latitude()}, {"longitude", place.longitude()}};
    if (!place.name().empty()) message["location"]["name"] = place.name();
    if (!place.address().empty()) message["location"]["address"] = place.address();
  } else if (content.has_media()) {
    const common::Media& media = content.media();
    const File file{MimeTypeOf(media), media.filename(), FileBytes(media, inbound.file),
                    NowMs() + kInboundFileMs};
    const std::string type = TypeOf(media.kind()), id = StoreFile(file);
    json object = FileJson(id, file);
    object.erase("messaging_product");
    object.erase("file_size");
    if (!media.caption().empty()) object["caption"] = media.caption();
    if (type == "document") object["filename"] = media.filename();
    if (type == "audio") object["voice"] = true;
    message["type"] = type;
    message[type] = std::move(object);
  } else {
    message["type"] = "unsupported";
    message["errors"] = {
        {{"code", 131051},
         {"title", "Message type unknown"},
         {"message", "Message type unknown"},
         {"error_data", {{"details", "Message type is currently not supported."}}}}};
  }
  json value{{"messaging_product", "whatsapp"},
             {"metadata", json::parse(Metadata())},
             {"contacts", json::array({std::move(contact)})},
             {"messages", json::array({std::move(message)})}};
  NotifyChange("messages", value.dump(-1, ' ', true, json::error_handler_t::replace));
  return absl::OkStatus();
}

void WhatsAppDouble::OnMembership(const sims::GroupMembership& membership) {
  json change{{"timestamp", absl::StrCat(membership.time().seconds())},
              {"group_id", membership.group_id()},
              {"type", membership.left() ? "group_delete" : "group_create"},
              {"subject", membership.display_name()}};
  NotifyChange("group_lifecycle_update", json{{"messaging_product", "whatsapp"},
                                              {"metadata", json::parse(Metadata())},
                                              {"groups", json::array({std::move(change)})}}
                                             .dump(-1, ' ', true));
}

void WhatsAppDouble::OnBan(bool banned) {
  json value{{"phone_number", std::string(absl::StripPrefix(spec_.address, "+"))}};
  value["event"] = "DISABLED_UPDATE";
  value["ban_info"] = {{"waba_ban_state", banned ? "DISABLE" : "REINSTATE"},
                       {"waba_ban_date", "2026-11-22"}};
  NotifyChange("account_update", value.dump());
}

absl::Status WhatsAppDouble::OnDo(const std::string& action, Fields& fields, Phone* phone) {
  if (action == "preferences") {
    if (phone == nullptr) return absl::InvalidArgumentError("phone is required");
    const bool stopped = fields.Bool("stop", true);
    contacts_[phone->id].stopped = stopped;
    json preference{{"wa_id", std::string(absl::StripPrefix(phone->address, "+"))},
                    {"user_id", UserId(*phone)},
                    {"detail", "User requested to change marketing messages"},
                    {"category", "marketing_messages"},
                    {"value", stopped ? "stop" : "resume"},
                    {"timestamp", NowMs() / 1000}};
    NotifyChange("user_preferences",
                 json{{"messaging_product", "whatsapp"},
                      {"metadata", json::parse(Metadata())},
                      {"user_preferences", json::array({std::move(preference)})}}
                     .dump());
    return absl::OkStatus();
  }
  if (action == "quality") {
    NotifyChange("phone_number_quality_update",
                 json{{"display_phone_number", std::string(absl::StripPrefix(spec_.address, "+"))},
                      {"event", fields.Need("event")},
                      {"current_limit", "TIER_UNLIMITED"}}
                     .dump());
    return absl::OkStatus();
  }
  if (action == "template") {
    TemplateSpec changed;
    changed.name = fields.Need("name");
    changed.language = fields.Need("language");
    for (size_t i = 0; i < spec_.templates.size(); ++i) {
      const TemplateSpec& known = spec_.templates[i];
      if (known.name != changed.name || known.language != changed.language) continue;
      changed = known;
      spec_.templates.erase(spec_.templates.begin() + static_cast<std::ptrdiff_t>(i));
      break;
    }
    if (fields.Has("category")) changed.category = fields.Need("category");
    if (fields.Has("status")) changed.status = fields.Need("status");
    changed.parameters = static_cast<int>(fields.Int("parameters", changed.parameters, 0, 100));
    NotifyChange("message_template_status_update",
                 json{{"event", changed.status},
                      {"message_template_id", 1},
                      {"message_template_name", changed.name},
                      {"message_template_language", changed.language},
                      {"reason", "NONE"}}
                     .dump());
    spec_.templates.push_back(std::move(changed));
    return absl::OkStatus();
  }
  return Double::OnDo(action, fields, phone);
}

}  // namespace mo::simulator
