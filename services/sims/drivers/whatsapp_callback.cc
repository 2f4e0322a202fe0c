// What WhatsApp's Cloud API reports: messages, statuses, groups, the state of numbers and accounts.
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/runtime/clock.h"
#include "services/sims/drivers/json.h"
#include "services/sims/drivers/meta.h"
#include "services/sims/drivers/whatsapp_cloud.h"

namespace mo::sims {
namespace {

constexpr absl::string_view kOurKey = "mo:";

// "43664…" → "+43664…"; "" for what is no phone number.
std::string PhoneOf(const std::string& wa_id) {
  if (!IsWhatsAppPhone(wa_id)) return "";
  return absl::StartsWith(wa_id, "+") ? wa_id : absl::StrCat("+", wa_id);
}

// Whom a message is from. The user id stays when the phone number is hidden one day, so it is the
// address where both are told.
struct Sender {
  std::string address;
  std::string phone;
};

Sender SenderOf(const Json& message) {
  const std::string from = TextAt(message, "from"), id = TextAt(message, "from_user_id");
  Sender sender{"", PhoneOf(from)};
  if (IsWhatsAppUserId(id)) {
    sender.address = id;
  } else if (!sender.phone.empty()) {
    sender.address = sender.phone;
  } else if (IsWhatsAppUserId(from)) {
    sender.address = from;
  }
  return sender;
}

// Reads one body. Its methods take one thing each, out of what may be anything.
class Reader {
 public:
  explicit Reader(absl::Time now) : now_(now) {}

  void Change(const std::string& business, const Json& entry, const Json& change);
  CallbackEvents Take() {
    events_.senders.reserve(senders_.size());
    for (auto& [name, sender] : senders_) events_.senders.push_back(std::move(sender));
    return std::move(events_);
  }

 private:
  SenderEvents& Of(const Json& value) {
    const std::string id = TextAt(At(value, "metadata"), "phone_number_id");
    SenderEvents& sender = senders_[absl::StrCat("number ", id)];
    sender.sender_id = id;
    return sender;
  }
  SenderEvents& OfPhone(const Json& value) {
    const std::string phone = PhoneOf(TextAt(value, "display_phone_number"));
    SenderEvents& sender = senders_[absl::StrCat("phone ", phone)];
    sender.sender_address = phone;
    return sender;
  }
  SenderEvents& OfBusiness(const std::string& id) {
    SenderEvents& sender = senders_[absl::StrCat("business ", id)];
    sender.business_id = id;
    return sender;
  }

  void Messages(const Json& value);
  void Message(const Json& value, const Json& message, SenderEvents& sender);
  bool Content(const Json& message, const std::string& type, InboundMessage& inbound);
  void Moved(const Json& message, SenderEvents& sender);
  void Status(const Json& status, SenderEvents& sender);
  void Groups(const Json& value);
  void Preferences(const Json& value);
  void Health(const std::string& field, const std::string& business, const Json& value);

  const absl::Time now_;
  absl::Time entry_time_;
  CallbackEvents events_;
  std::map<std::string, SenderEvents> senders_;
};

void Reader::Change(const std::string& business, const Json& entry, const Json& change) {
  const std::string field = TextAt(change, "field");
  const Json& value = At(change, "value");
  entry_time_ = MetaTime(entry, "time", now_);
  if (field == "messages") {
    Messages(value);
  } else if (absl::StartsWith(field, "group_")) {
    Groups(value);
  } else if (field == "user_preferences") {
    Preferences(value);
  } else {
    Health(field, business, value);
  }
}

void Reader::Messages(const Json& value) {
  SenderEvents& sender = Of(value);
  for (const Json& message : ListAt(value, "messages")) Message(value, message, sender);
  for (const Json& status : ListAt(value, "statuses")) Status(status, sender);
  for (const Json& error : ListAt(value, "errors")) {
    // Those without a message are about the number; the harmless ones are only counted.
    const ErrorClass kind = WhatsAppError(IntAt(error, "code"), 200);
    if (kind == ErrorClass::kSimBlocked || kind == ErrorClass::kSimUnauthorized) {
      sender.health.push_back({kind == ErrorClass::kSimBlocked ? HealthEvent::Kind::kBlocked
                                                               : HealthEvent::Kind::kWarning,
                               "error", absl::StrCat(IntAt(error, "code")), 0, now_});
    } else {
      ++events_.ignored;
    }
  }
}

void Reader::Message(const Json& value, const Json& message, SenderEvents& sender) {
  const std::string type = TextAt(message, "type");
  if (type == "system") return Moved(message, sender);
  InboundMessage inbound;
  const Sender from = SenderOf(message);
  v1::Inbound& said = inbound.message;
  said.set_provider_message_id(TextAt(message, "id"));
  said.set_sender_address(from.address);
  said.set_sender_phone(from.phone);
  said.set_group_id(TextAt(message, "group_id"));
  *said.mutable_time() = ToProto(MetaTime(message, "timestamp", now_));
  if (from.address.empty() || said.provider_message_id().empty() ||
      !Content(message, type, inbound)) {
    ++events_.ignored;
    return;
  }
  for (const Json& contact : ListAt(value, "contacts")) {
    const std::string phone = PhoneOf(TextAt(contact, "wa_id"));
    if ((!phone.empty() && phone == from.phone) || TextAt(contact, "user_id") == from.address)
      said.set_sender_name(TextAt(At(contact, "profile"), "name"));
  }
  inbound.reply_to = TextAt(At(message, "context"), "id");
  sender.inbound.push_back(std::move(inbound));
}

// False for what is said, but is no message: a reaction.
bool Reader::Content(const Json& message, const std::string& type, InboundMessage& inbound) {
  const Json& part = At(message, type.c_str());
  common::Content& content = *inbound.message.mutable_content();
  const auto text = [&](std::string body, std::string payload = "") {
    content.mutable_text()->set_body(std::move(body));
    content.mutable_text()->set_payload(std::move(payload));
    return true;
  };
  if (type == "text") return text(TextAt(part, "body"));
  if (type == "button") return text(TextAt(part, "text"), TextAt(part, "payload"));
  if (type == "interactive") {
    const std::string kind = TextAt(part, "type");
    const Json& reply = At(part, kind.c_str());
    if (kind == "button_reply" || kind == "list_reply")
      return text(TextAt(reply, "title"), TextAt(reply, "id"));
    if (kind == "nfm_reply") return text(TextAt(reply, "body"));
  }
  if (type == "location") {
    content.mutable_location()->set_latitude(NumberAt(part, "latitude"));
    content.mutable_location()->set_longitude(NumberAt(part, "longitude"));
    content.mutable_location()->set_name(TextAt(part, "name"));
    content.mutable_location()->set_address(TextAt(part, "address"));
    return true;
  }
  if (type == "reaction") return false;
  static const auto& kinds = *new std::map<absl::string_view, common::MediaKind>{
      {"image", common::MEDIA_KIND_IMAGE}, {"sticker", common::MEDIA_KIND_IMAGE},
      {"audio", common::MEDIA_KIND_AUDIO}, {"voice", common::MEDIA_KIND_AUDIO},
      {"video", common::MEDIA_KIND_VIDEO}, {"document", common::MEDIA_KIND_DOCUMENT},
  };
  const auto kind = kinds.find(type);
  if (kind == kinds.end() || TextAt(part, "id").empty()) {
    content.mutable_unsupported()->set_kind(type);
    return true;
  }
  common::Media& media = *content.mutable_media();
  media.set_kind(kind->second);
  media.set_caption(TextAt(part, "caption"));
  media.set_filename(TextAt(part, "filename"));
  media.set_mime_type(TextAt(part, "mime_type"));
  inbound.media = RemoteMedia{TextAt(part, "id"), TextAt(part, "url"), media.mime_type(),
                              TextAt(part, "sha256"), IntAt(part, "file_size")};
  return true;
}

void Reader::Moved(const Json& message, SenderEvents& sender) {
  const Json& system = At(message, "system");
  const std::string phone = PhoneOf(TextAt(system, "wa_id")), id = TextAt(system, "user_id");
  MovedEvent moved;
  moved.old_address = SenderOf(message).address;
  // A new number comes with a new user id; whichever is told first.
  moved.new_address = IsWhatsAppUserId(id) && IsWhatsAppUserId(moved.old_address) ? id : phone;
  if (moved.old_address.empty() || moved.new_address.empty()) {
    ++events_.ignored;
    return;
  }
  sender.moved.push_back(std::move(moved));
}

void Reader::Status(const Json& status, SenderEvents& sender) {
  static const auto& states = *new std::map<std::string, common::DeliveryState>{
      {"sent", common::DELIVERY_STATE_SENT},     {"delivered", common::DELIVERY_STATE_DELIVERED},
      {"read", common::DELIVERY_STATE_READ},     {"played", common::DELIVERY_STATE_READ},
      {"failed", common::DELIVERY_STATE_FAILED},
  };
  const auto state = states.find(TextAt(status, "status"));
  ReceiptEvent receipt;
  receipt.provider_id = TextAt(status, "id");
  const std::string data = TextAt(status, "biz_opaque_callback_data");
  absl::string_view key = data;
  // Others may send from this number, too, with words of their own.
  if (!absl::ConsumePrefix(&key, kOurKey) || !absl::SimpleAtoi(key, &receipt.key)) receipt.key = 0;
  if (state == states.end() || (receipt.key == 0 && receipt.provider_id.empty())) {
    ++events_.ignored;
    return;
  }
  receipt.state = state->second;
  receipt.time = MetaTime(status, "timestamp", now_);
  const std::string user = TextAt(status, "recipient_user_id");
  receipt.address = IsWhatsAppUserId(user) ? user : PhoneOf(TextAt(status, "recipient_id"));
  if (receipt.state == common::DELIVERY_STATE_FAILED) {
    const Json& error = At(At(status, "errors"), size_t{0});
    receipt.code = static_cast<int>(IntAt(error, "code"));
    receipt.error = error.is_object() ? WhatsAppError(receipt.code, 200) : ErrorClass::kRetry;
  }
  sender.receipts.push_back(std::move(receipt));
}

// Groups belong to the number that has made them: it is in those that there are.
void Reader::Groups(const Json& value) {
  SenderEvents& sender = Of(value);
  for (const Json& group : ListAt(value, "groups")) {
    const std::string id = TextAt(group, "group_id"), type = TextAt(group, "type");
    const absl::Time time = MetaTime(group, "timestamp", now_);
    const bool failed = At(group, "errors").is_array();
    if (id.empty() || failed) {
      ++events_.ignored;
    } else if (type == "group_create" || type == "group_delete") {
      v1::GroupMembership membership;
      membership.set_group_id(id);
      membership.set_display_name(TextAt(group, "subject"));
      membership.set_left(type == "group_delete");
      *membership.mutable_time() = ToProto(time);
      sender.groups.push_back(std::move(membership));
    } else if (type == "group_suspend" || type == "group_suspend_cleared") {
      sender.health.push_back({HealthEvent::Kind::kWarning, id, type, 0, time});
    } else {
      ++events_.ignored;
    }
  }
}

void Reader::Preferences(const Json& value) {
  SenderEvents& sender = Of(value);
  for (const Json& preference : ListAt(value, "user_preferences")) {
    const std::string user = TextAt(preference, "user_id"), wish = TextAt(preference, "value");
    ConsentEvent consent;
    consent.address = IsWhatsAppUserId(user) ? user : PhoneOf(TextAt(preference, "wa_id"));
    consent.stopped = wish == "stop";
    consent.marketing = TextAt(preference, "category") == "marketing_messages";
    consent.time = MetaTime(preference, "timestamp", now_);
    if (consent.address.empty() || (wish != "stop" && wish != "resume")) {
      ++events_.ignored;
    } else {
      sender.consents.push_back(std::move(consent));
    }
  }
}

void Reader::Health(const std::string& field, const std::string& business, const Json& value) {
  using Kind = HealthEvent::Kind;
  const std::string event = TextAt(value, "event");
  if (field == "account_update") {
    const std::string state = TextAt(At(value, "ban_info"), "waba_ban_state");
    const Kind kind = event != "DISABLED_UPDATE" ? Kind::kWarning
                      : state == "REINSTATE"     ? Kind::kUnblocked
                      : state == "DISABLE"       ? Kind::kBlocked
                                                 : Kind::kWarning;
    const std::string detail = state.empty() ? event : absl::StrCat(event, " ", state);
    OfBusiness(business).health.push_back({kind, "account", detail, 0, entry_time_});
  } else if (field == "account_alerts") {
    OfBusiness(business).health.push_back(
        {Kind::kWarning, "alert", TextAt(value, "alert_type"), 0, entry_time_});
  } else if (field == "phone_number_quality_update") {
    if (event == "FLAGGED" || event == "UNFLAGGED") {
      OfPhone(value).health.push_back(
          {Kind::kQuality, "quality", event == "FLAGGED" ? "RED" : "GREEN", 0, entry_time_});
    } else if (event == "THROUGHPUT_UPGRADE") {
      OfPhone(value).health.push_back(
          {Kind::kLimits, "messages_per_second", event, 1000, entry_time_});
    } else {
      OfPhone(value).health.push_back({Kind::kLimits, "unique_recipients_per_day",
                                       TextAt(value, "current_limit"), 0, entry_time_});
    }
  } else if (field == "business_capability_update") {
    OfBusiness(business).health.push_back({Kind::kLimits, "unique_recipients_per_day", field,
                                           IntAt(value, "max_daily_conversation_per_phone"),
                                           entry_time_});
  } else if (field == "message_template_status_update") {
    const std::string name = absl::StrCat(TextAt(value, "message_template_name"), "/",
                                          TextAt(value, "message_template_language"));
    OfBusiness(business).health.push_back({Kind::kTemplate, name, event, 0, entry_time_});
  } else {
    ++events_.ignored;
  }
}

}  // namespace

absl::StatusOr<CallbackEvents> WhatsAppCloud::ParseCallback(const Callback& callback,
                                                            absl::Time now) const {
  const Json body = ParseJson(callback.body);
  if (TextAt(body, "object") != "whatsapp_business_account")
    return absl::InvalidArgumentError("not a callback of WhatsApp");
  Reader reader(now);
  for (const Json& entry : ListAt(body, "entry")) {
    for (const Json& change : ListAt(entry, "changes"))
      reader.Change(TextAt(entry, "id"), entry, change);
  }
  return reader.Take();
}

}  // namespace mo::sims
