// What Messenger tells a page's app.
#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/simulator/doubles/files.h"
#include "tools/simulator/doubles/messenger.h"

namespace mo::simulator {

namespace {

constexpr size_t kMostEvents = 1000;  // in one callback
constexpr int64_t kFileMs = int64_t{7} * 24 * 3600 * 1000;

}  // namespace

void MessengerDouble::AddEvent(absl::string_view sender, absl::string_view recipient,
                               int64_t time_ms, absl::string_view kind, absl::string_view content) {
  if (spec_.callback_url.empty()) return;
  events_.push_back(absl::StrCat(R"({"sender":{"id":")", sender, R"("},"recipient":{"id":")",
                                 recipient, R"("},"timestamp":)", time_ms, ",\"", kind,
                                 "\":", content, "}"));
}

void MessengerDouble::OnTick(int64_t now_ms) {
  for (size_t begin = 0; begin < events_.size(); begin += kMostEvents) {
    const auto first = events_.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto last = events_.begin() +
                      static_cast<std::ptrdiff_t>(std::min(begin + kMostEvents, events_.size()));
    Notify(absl::StrCat(R"({"object":"page","entry":[{"id":")", spec_.sender_id, R"(","time":)",
                        now_ms, R"(,"messaging":[)", absl::StrJoin(first, last, ","), "]}]}"));
  }
  events_.clear();
}

void MessengerDouble::OnStatuses(const std::vector<Status>& statuses) {
  for (const Status& status : statuses) {
    if (status.state == sims::RECEIPT_STATE_DELIVERED) {
      AddEvent(status.phone->address, spec_.sender_id, status.time_ms, "delivery",
               absl::StrCat(R"({"mids":[")", MessageId(status.id), R"("],"watermark":)",
                            *status.tag, "}"));
    } else if (status.state == sims::RECEIPT_STATE_READ) {
      AddEvent(status.phone->address, spec_.sender_id, status.time_ms, "read",
               absl::StrCat(R"({"watermark":)", *status.tag, "}"));
    }
  }
}

absl::Status MessengerDouble::OnReceive(Phone& phone, DoubleInbound& inbound) {
  sims::Inbound& written = inbound.message;
  written.set_provider_message_id("m_" + written.provider_message_id());
  json message{{"mid", written.provider_message_id()}};
  const common::Content& content = written.content();
  json attachment;
  if (content.has_text()) {
    message["text"] = content.text().body();
  } else if (content.has_location()) {
    const common::Location& place = content.location();
    attachment = {
        {"type", "location"},
        {"title", place.name()},
        {"payload", {{"coordinates", {{"lat", place.latitude()}, {"long", place.longitude()}}}}}};
  } else if (content.has_media()) {
    const common::Media& media = content.media();
    const std::string id = absl::StrCat(HashText(written.provider_message_id()));
    files_[id] = {MimeTypeOf(media), FileBytes(media, inbound.file), NowMs() + kFileMs};
    const char* type = media.kind() == common::MEDIA_KIND_IMAGE   ? "image"
                       : media.kind() == common::MEDIA_KIND_AUDIO ? "audio"
                       : media.kind() == common::MEDIA_KIND_VIDEO ? "video"
                                                                  : "file";
    attachment = {{"type", type},
                  {"payload",
                   {{"url", absl::StrCat(origin_, "/messenger/files/", spec_.sender_id, "/", id,
                                         "/", "file")}}}};
    if (!media.caption().empty()) message["text"] = media.caption();
  } else {
    attachment = {{"type", "fallback"}, {"payload", {{"url", "https://example.com/"}}}};
  }
  if (!attachment.is_null()) message["attachments"] = json::array({std::move(attachment)});
  AddEvent(phone.address, spec_.sender_id, NowMs(), "message",
           message.dump(-1, ' ', true, json::error_handler_t::replace));
  return absl::OkStatus();
}

absl::Status MessengerDouble::OnDo(const std::string& action, Fields& fields, Phone* phone) {
  if (action != "referral" && action != "preferences") return Double::OnDo(action, fields, phone);
  if (phone == nullptr) return absl::InvalidArgumentError("phone is required");
  const int64_t now_ms = NowMs();
  if (action == "preferences") {
    // Asks for marketing messages, or does not want them any more.
    const bool stop = fields.Bool("stop", false);
    const std::string token = HmacSha256("token", phone->address);
    if (stop) {
      tokens_.erase(token);
    } else {
      tokens_[token] = phone;
    }
    AddEvent(
        phone->address, spec_.sender_id, now_ms, "optin",
        json{{"type", "notification_messages"},
             {"notification_messages_token", token},
             {"title", "News"},
             {"token_expiry_timestamp", now_ms + int64_t{365} * 24 * 3600 * 1000},
             {"user_token_status", "NOT_REFRESHED"},
             {"notification_messages_status", stop ? "STOP_NOTIFICATIONS" : "RESUME_NOTIFICATIONS"}}
            .dump());
    return absl::OkStatus();
  }
  const json referral{
      {"ref", fields.Need("ref")}, {"source", "SHORTLINK"}, {"type", "OPEN_THREAD"}};
  Contact& contact = contacts_[phone->id];
  const bool known = contact.written_ms >= 0;
  contact.written_ms = now_ms;
  if (known) {
    AddEvent(phone->address, spec_.sender_id, now_ms, "referral", referral.dump());
  } else {
    // Somebody new has to press "Get started".
    AddEvent(phone->address, spec_.sender_id, now_ms, "postback",
             json{{"mid", MessageId(NextId())},
                  {"title", "Get started"},
                  {"payload", "GET_STARTED"},
                  {"referral", referral}}
                 .dump(-1, ' ', true));
  }
  return absl::OkStatus();
}

}  // namespace mo::simulator
