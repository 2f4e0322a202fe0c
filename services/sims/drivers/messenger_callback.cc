// What Messenger's callbacks say.
#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/runtime/clock.h"
#include "services/sims/drivers/json.h"
#include "services/sims/drivers/messenger.h"
#include "services/sims/drivers/meta.h"

namespace mo::sims {
namespace {

// The thumbs up, in three sizes.
constexpr std::array<int64_t, 3> kThumbs = {369239263222822, 369239343222814, 369239383222810};

bool IsThumb(const Json& payload) {
  return std::find(kThumbs.begin(), kThumbs.end(), IntAt(payload, "sticker_id")) != kThumbs.end();
}

common::MediaKind KindOf(absl::string_view type) {
  if (type == "image") return common::MEDIA_KIND_IMAGE;
  if (type == "audio") return common::MEDIA_KIND_AUDIO;
  if (type == "video") return common::MEDIA_KIND_VIDEO;
  return type == "file" ? common::MEDIA_KIND_DOCUMENT : common::MEDIA_KIND_UNSPECIFIED;
}

// The events of one page's entry.
class Entry {
 public:
  Entry(const Json& entry, absl::Time now, CallbackEvents& events)
      : page_(TextAt(entry, "id")), now_(MetaTime(entry, "time", now)), events_(events) {
    sender_.sender_id = page_;
    const auto& all = ListAt(entry, "messaging");
    if (all.empty()) ++events_.ignored;
    for (const Json& event : all) {
      if (!Add(event)) ++events_.ignored;
    }
    const bool some =
        !sender_.inbound.empty() || !sender_.receipts.empty() || !sender_.consents.empty();
    if (some) events_.senders.push_back(std::move(sender_));
  }

 private:
  // False: of no use here.
  bool Add(const Json& event) {
    if (page_.empty()) return false;
    const Json& message = At(event, "message");
    if (BoolAt(message, "is_echo")) return AddEcho(event, message);
    const std::string person = TextAt(At(event, "sender"), "id");
    int64_t number = 0;
    if (!absl::SimpleAtoi(person, &number) || number <= 0) return false;
    if (message.is_object()) return AddMessage(event, message);
    if (const Json& it = At(event, "postback"); it.is_object()) return AddPostback(event, it);
    if (const Json& it = At(event, "referral"); it.is_object())
      return AddArrival(event, "referral", it);
    if (const Json& it = At(event, "optin"); it.is_object()) return AddOptin(event, it);
    if (const Json& it = At(event, "delivery"); it.is_object())
      return AddReceipts(event, it, common::DELIVERY_STATE_DELIVERED);
    if (const Json& it = At(event, "read"); it.is_object())
      return AddReceipts(event, it, common::DELIVERY_STATE_READ);
    return false;
  }

  InboundMessage Said(const Json& event, std::string id) const {
    InboundMessage inbound;
    inbound.message.set_provider_message_id(std::move(id));
    inbound.message.set_sender_address(TextAt(At(event, "sender"), "id"));
    *inbound.message.mutable_time() = ToProto(MetaTime(event, "timestamp", now_));
    return inbound;
  }

  // Our own message, seen by the page: it has arrived, whatever its answer was. What others have
  // sent for the page is none of ours.
  bool AddEcho(const Json& event, const Json& message) {
    const std::string metadata = TextAt(message, "metadata");
    absl::string_view key = metadata;
    ReceiptEvent receipt;
    if (!absl::ConsumePrefix(&key, "mo:") || !absl::SimpleAtoi(key, &receipt.key)) return false;
    receipt.provider_id = TextAt(message, "mid");
    receipt.state = common::DELIVERY_STATE_SENT;
    receipt.address = TextAt(At(event, "recipient"), "id");
    receipt.time = MetaTime(event, "timestamp", now_);
    sender_.receipts.push_back(std::move(receipt));
    return true;
  }

  bool AddMessage(const Json& event, const Json& message) {
    const std::string mid = TextAt(message, "mid");
    if (mid.empty() || BoolAt(message, "is_deleted")) return false;
    const std::string answered = TextAt(At(message, "reply_to"), "mid");
    int parts = 0;
    const auto add = [&](InboundMessage inbound) {
      // Several attachments of one message are several messages.
      if (parts++ > 0) {
        inbound.message.set_provider_message_id(absl::StrCat(mid, "#", parts));
      } else {
        inbound.start_payload = TextAt(At(message, "referral"), "ref");
      }
      inbound.reply_to = answered;
      sender_.inbound.push_back(std::move(inbound));
    };
    if (std::string text = TextAt(message, "text"); !text.empty()) {
      InboundMessage inbound = Said(event, mid);
      common::Text& said = *inbound.message.mutable_content()->mutable_text();
      said.set_body(std::move(text));
      said.set_payload(TextAt(At(message, "quick_reply"), "payload"));
      add(std::move(inbound));
    }
    for (const Json& attachment : ListAt(message, "attachments")) {
      InboundMessage inbound = Said(event, mid);
      if (SetAttachment(attachment, inbound)) add(std::move(inbound));
    }
    return parts > 0;
  }

  // False for what only shows again what is elsewhere (fallback, reel, a story's mention).
  static bool SetAttachment(const Json& attachment, InboundMessage& inbound) {
    const std::string type = TextAt(attachment, "type");
    const Json& payload = At(attachment, "payload");
    common::Content& content = *inbound.message.mutable_content();
    if (type == "image" && IsThumb(payload)) {
      content.mutable_text()->set_body("👍");
      return true;
    }
    if (const Json& place = At(payload, "coordinates"); type == "location" && place.is_object()) {
      content.mutable_location()->set_latitude(NumberAt(place, "lat"));
      content.mutable_location()->set_longitude(NumberAt(place, "long"));
      content.mutable_location()->set_name(TextAt(attachment, "title"));
      return true;
    }
    RemoteMedia media;
    media.url = TextAt(payload, "url");
    const common::MediaKind kind = KindOf(type);
    if (kind == common::MEDIA_KIND_UNSPECIFIED || media.url.empty()) return false;
    content.mutable_media()->set_kind(kind);
    inbound.media = std::move(media);
    return true;
  }

  // A press of a button: what it says is what the person says.
  bool AddPostback(const Json& event, const Json& postback) {
    std::string mid = TextAt(postback, "mid");
    if (mid.empty()) mid = NameOf(event, "postback");
    std::string text = TextAt(postback, "title");
    if (text.empty()) text = TextAt(postback, "payload");
    InboundMessage inbound = Said(event, std::move(mid));
    inbound.start_payload = TextAt(At(postback, "referral"), "ref");
    if (text.empty() && inbound.start_payload.empty()) return false;
    if (text.empty()) {
      inbound.message.mutable_content()->mutable_unsupported()->set_kind("postback");
    } else {
      common::Text& said = *inbound.message.mutable_content()->mutable_text();
      said.set_body(std::move(text));
      said.set_payload(TextAt(postback, "payload"));
    }
    sender_.inbound.push_back(std::move(inbound));
    return true;
  }

  // Somebody came by a link, and has said nothing yet.
  bool AddArrival(const Json& event, const std::string& kind, const Json& carrier) {
    InboundMessage inbound = Said(event, NameOf(event, kind));
    inbound.start_payload = TextAt(carrier, "ref");
    if (inbound.start_payload.empty()) return false;
    inbound.message.mutable_content()->mutable_unsupported()->set_kind(kind);
    sender_.inbound.push_back(std::move(inbound));
    return true;
  }

  bool AddOptin(const Json& event, const Json& optin) {
    if (TextAt(optin, "type") != "notification_messages") return AddArrival(event, "optin", optin);
    const std::string status = absl::AsciiStrToUpper(TextAt(optin, "notification_messages_status"));
    const bool stop = absl::StartsWith(status, "STOP");
    if (!stop && !absl::StartsWith(status, "RESUME")) return false;
    sender_.consents.push_back({TextAt(At(event, "sender"), "id"), stop, /*marketing=*/true,
                                MetaTime(event, "timestamp", now_)});
    return true;
  }

  // Named messages, and all until a time.
  bool AddReceipts(const Json& event, const Json& told, common::DeliveryState state) {
    ReceiptEvent receipt;
    receipt.state = state;
    receipt.address = TextAt(At(event, "sender"), "id");
    receipt.time = MetaTime(event, "timestamp", now_);
    const size_t before = sender_.receipts.size();
    for (const Json& mid : ListAt(told, "mids")) {
      if (!mid.is_string() || mid.get_ref<const std::string&>().empty()) continue;
      receipt.provider_id = mid.get_ref<const std::string&>();
      std::erase(receipt.provider_id, '\0');
      sender_.receipts.push_back(receipt);
    }
    receipt.provider_id.clear();
    if (IntAt(told, "watermark") > 0) {
      receipt.watermark = MetaTime(told, "watermark", now_);
      sender_.receipts.push_back(receipt);
    }
    return sender_.receipts.size() > before;
  }

  // For what Meta gives no id: the same event told twice gets the same one.
  std::string NameOf(const Json& event, absl::string_view kind) const {
    return absl::StrCat(kind, ":", TextAt(At(event, "sender"), "id"), ":",
                        absl::ToUnixMillis(MetaTime(event, "timestamp", now_)));
  }

  const std::string page_;
  const absl::Time now_;
  CallbackEvents& events_;
  SenderEvents sender_;
};

}  // namespace

absl::StatusOr<CallbackEvents> Messenger::ParseCallback(const Callback& callback,
                                                        absl::Time now) const {
  const Json body = ParseJson(callback.body);
  if (TextAt(body, "object") != "page")
    return absl::InvalidArgumentError("not a callback of Messenger");
  CallbackEvents events;
  const auto& entries = ListAt(body, "entry");
  if (entries.empty()) ++events.ignored;
  for (const Json& entry : entries) Entry(entry, now, events);
  return events;
}

}  // namespace mo::sims
