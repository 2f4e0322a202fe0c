// What a bot is told, by webhook or when it asks.
#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tools/simulator/doubles/files.h"
#include "tools/simulator/doubles/telegram.h"

namespace mo::simulator {

namespace {

constexpr int64_t kKeptMs = 24 * 3600 * 1000;

// Those that come only when they are asked for are none of ours.
bool Allowed(const std::vector<std::string>& allowed, const std::string& type) {
  return allowed.empty() || std::find(allowed.begin(), allowed.end(), type) != allowed.end();
}

}  // namespace

int64_t TelegramDouble::ChatId(const Phone& phone) const {
  int64_t number = 0;
  if (absl::SimpleAtoi(phone.address, &number)) return number;
  return HashText(phone.address) >> 16;
}

Phone* TelegramDouble::PhoneOfChat(int64_t chat_id) const {
  const auto known = chats_.find(chat_id);
  return known != chats_.end() ? known->second : FindPhone(absl::StrCat(chat_id));
}

json TelegramDouble::BotJson() const {
  int64_t number = 0;
  (void)absl::SimpleAtoi(spec_.sender_id, &number);
  const std::string name = absl::StartsWith(address_, "@") ? address_.substr(1) : address_;
  return {{"id", number}, {"is_bot", true}, {"first_name", name}, {"username", name}};
}

json TelegramDouble::UserJson(Phone& phone) const {
  const PhoneView view = world_.phones.View(phone);
  return {{"id", ChatId(phone)},
          {"is_bot", false},
          {"first_name", view.name.empty() ? phone.address : view.name},
          {"language_code", "de"}};
}

json TelegramDouble::ChatJson(Phone& phone) const {
  const std::string name = world_.phones.View(phone).name;
  if (phone.flags.load() & Phone::kGroup) {
    return {{"id", ChatId(phone)},
            {"title", name.empty() ? phone.address : name},
            {"type", absl::StartsWith(phone.address, "-100") ? "supergroup" : "group"}};
  }
  return {{"id", ChatId(phone)},
          {"first_name", name.empty() ? phone.address : name},
          {"type", "private"}};
}

json TelegramDouble::MemberJson(Phone& chat, json from, const char* before,
                                const char* after) const {
  return {{"chat", ChatJson(chat)},
          {"from", std::move(from)},
          {"date", NowMs() / 1000},
          {"old_chat_member", {{"user", BotJson()}, {"status", before}}},
          {"new_chat_member", {{"user", BotJson()}, {"status", after}}}};
}

void TelegramDouble::AddUpdate(const std::string& type, json content) {
  if (!Allowed(allowed_, type) || banned_) return;
  Update update;
  update.id = ++next_update_;
  update.time_ms = NowMs();
  update.type = type;
  json body{{"update_id", update.id}};
  body[type] = std::move(content);
  update.body = body.dump(-1, ' ', true, json::error_handler_t::replace);
  updates_.push_back(std::move(update));
  if (poll_) {
    poll_->responder.Send(Answer(TakeUpdates(poll_->limit)));
    poll_.reset();
  }
}

json TelegramDouble::TakeUpdates(size_t limit) const {
  json result = json::array();
  for (const Update& update : updates_) {
    if (result.size() >= limit) break;
    result.push_back(json::parse(update.body));
  }
  return result;
}

std::optional<http::Response> TelegramDouble::GetUpdates(const Parameters& parameters,
                                                         http::Responder responder) {
  if (!webhook_.empty()) {
    return Refuse({409,
                   "Conflict: can't use getUpdates method while webhook is active; use "
                   "deleteWebhook to delete the webhook first"});
  }
  if (poll_) {
    poll_->responder.Send(
        Refuse({409,
                "Conflict: terminated by other getUpdates request; make sure that only one bot "
                "instance is running"}));
    poll_.reset();
  }
  if (const json allowed = parameters.Value("allowed_updates"); allowed.is_array()) {
    allowed_.clear();
    for (const json& type : allowed) {
      if (type.is_string()) allowed_.push_back(type.get<std::string>());
    }
  }
  const int64_t offset = parameters.Int("offset").value_or(0);
  const size_t limit =
      static_cast<size_t>(std::clamp<int64_t>(parameters.Int("limit").value_or(100), 1, 100));
  const int64_t timeout = std::clamp<int64_t>(parameters.Int("timeout").value_or(0), 0, 50);
  while (offset > 0 && !updates_.empty() && updates_.front().id < offset) updates_.pop_front();
  while (offset < 0 && static_cast<int64_t>(updates_.size()) > -offset) updates_.pop_front();
  if (!updates_.empty() || timeout == 0) return Answer(TakeUpdates(limit));
  poll_ = Poll{std::move(responder), NowMs() + timeout * 1000, limit};
  return std::nullopt;
}

void TelegramDouble::OnTick(int64_t now_ms) {
  while (!updates_.empty() && now_ms - updates_.front().time_ms > kKeptMs) updates_.pop_front();
  if (poll_ && poll_->deadline_ms <= now_ms) {
    poll_->responder.Send(Answer(json::array()));
    poll_.reset();
  }
  if (!webhook_.empty()) Dispatch(now_ms);
}

void TelegramDouble::Dispatch(int64_t now_ms) {
  for (Update& update : updates_) {
    if (under_way_ >= connections_) return;
    if (update.under_way || update.due_ms > now_ms) continue;
    update.under_way = true;
    ++under_way_;
    http::ClientRequest request;
    request.method = "POST";
    request.url = webhook_;
    request.headers = {{"Content-Type", "application/json"}};
    if (!secret_token_.empty()) {
      request.headers.Add("X-Telegram-Bot-Api-Secret-Token", secret_token_);
    }
    request.body = update.body;
    request.allow_private = true;
    client_.Fetch(std::move(request), [weak = weak_from_this(), id = update.id](
                                          const absl::StatusOr<http::Response>& response) {
      if (const auto self = weak.lock()) self->Dispatched(id, response);
    });
  }
}

void TelegramDouble::Dispatched(int64_t update_id, const absl::StatusOr<http::Response>& response) {
  std::lock_guard lock(mutex_);
  --under_way_;
  const auto update = std::find_if(updates_.begin(), updates_.end(),
                                   [&](const Update& one) { return one.id == update_id; });
  if (response.ok() && response->status / 100 == 2) {
    if (update != updates_.end()) updates_.erase(update);
    // The answer may be a call itself, of which nobody hears the result.
    const json call = json::parse(response->body, nullptr, false);
    if (!call.is_object() || !call.contains("method") || !call["method"].is_string()) return;
    const Method* method = FindMethod(call["method"].get<std::string>());
    json result = json::object();
    if (method != nullptr) (void)(this->*method->run)(Parameters{call, {}}, &result);
    return;
  }
  last_error_s_ = NowMs() / 1000;
  last_error_ = response.ok() ? absl::StrCat("Wrong response from the webhook: ", response->status)
                              : "Connection failed";
  if (update == updates_.end()) return;
  update->under_way = false;
  int64_t pause = RetryPauseMs(++update->attempts, settings_.callback_retry_ms);
  int64_t asked = 0;
  if (response.ok() && absl::SimpleAtoi(response->headers.Get("retry-after"), &asked)) {
    pause = std::clamp<int64_t>(asked, 0, 3600) * 1000;
  }
  update->due_ms = NowMs() + pause;
}

void TelegramDouble::OnCallback() {
  webhook_ = spec_.callback_url;
  secret_token_ = spec_.verify_token;
}

absl::Status TelegramDouble::OnReceive(Phone& phone, DoubleInbound& inbound) {
  sims::Inbound& written = inbound.message;
  const int64_t id = NextId();
  written.set_provider_message_id(absl::StrCat(id));
  chats_.try_emplace(ChatId(phone), &phone);
  Phone* group = written.group_id().empty() ? nullptr : FindPhone(written.group_id());
  json message{{"message_id", id},
               {"from", UserJson(phone)},
               {"chat", ChatJson(group == nullptr ? phone : *group)},
               {"date", written.time().seconds()}};
  const common::Content& content = written.content();
  if (content.has_text()) {
    const std::string& text = content.text().body();
    message["text"] = text;
    if (absl::StartsWith(text, "/")) {
      message["entities"] = json::array({{{"type", "bot_command"},
                                          {"offset", 0},
                                          {"length", std::min(text.find(' '), text.size())}}});
    }
  } else if (content.has_location()) {
    const common::Location& place = content.location();
    json location{{"latitude", place.latitude()}, {"longitude", place.longitude()}};
    if (!place.name().empty()) {
      message["venue"] = {
          {"location", location}, {"title", place.name()}, {"address", place.address()}};
    }
    message["location"] = std::move(location);
  } else if (content.has_media()) {
    const common::Media& media = content.media();
    const std::string file =
        StoreFile({"", MimeTypeOf(media), media.filename(), FileBytes(media, inbound.file)});
    const char* field = media.kind() == common::MEDIA_KIND_AUDIO      ? "voice"
                        : media.kind() == common::MEDIA_KIND_VIDEO    ? "video"
                        : media.kind() == common::MEDIA_KIND_DOCUMENT ? "document"
                                                                      : "photo";
    message[field] = media.kind() == common::MEDIA_KIND_IMAGE ? PhotoJson(file) : FileJson(file);
    if (!media.caption().empty()) message["caption"] = media.caption();
  } else {
    message["dice"] = {{"emoji", "🎲"}, {"value", 6}};
  }
  AddUpdate("message", std::move(message));
  return absl::OkStatus();
}

void TelegramDouble::OnMembership(const sims::GroupMembership& membership) {
  Phone* group = FindPhone(membership.group_id());
  if (group == nullptr) return;
  const json somebody{{"id", 1}, {"is_bot", false}, {"first_name", "Admin"}};
  AddUpdate("my_chat_member", MemberJson(*group, somebody, membership.left() ? "member" : "left",
                                         membership.left() ? "kicked" : "member"));
}

void TelegramDouble::OnBlocked(Phone& phone, bool blocked) {
  chats_.try_emplace(ChatId(phone), &phone);
  AddUpdate("my_chat_member", MemberJson(phone, UserJson(phone), blocked ? "member" : "kicked",
                                         blocked ? "kicked" : "member"));
}

absl::Status TelegramDouble::OnDo(const std::string& action, Fields& fields, Phone* phone) {
  if (action != "migrate") return Double::OnDo(action, fields, phone);
  const std::string to = fields.Need("to");
  int64_t number = 0;
  if (phone == nullptr || !(phone->flags.load() & Phone::kGroup)) {
    return absl::InvalidArgumentError("phone must be a group's id");
  }
  if (!absl::StartsWith(to, "-100") || !absl::SimpleAtoi(to, &number)) {
    return absl::InvalidArgumentError("to must be the id of a supergroup, -100…");
  }
  GroupSpec spec;
  spec.network = network_;
  spec.id = to;
  spec.name = world_.phones.View(*phone).name;
  if (const absl::Status status = world_.groups.Put(spec); !status.ok()) return status;
  PhoneSpec made;
  made.network = network_;
  made.address = to;
  made.name = spec.name;
  world_.phones.Create({made}, /*group=*/true);
  (void)world_.groups.SetMember(network_, to, address_, true);
  (void)world_.groups.SetMember(network_, phone->address, address_, false);
  migrated_[ChatId(*phone)] = number;
  const json somebody{{"id", 1}, {"is_bot", false}, {"first_name", "Admin"}};
  const int64_t seconds = NowMs() / 1000;
  AddUpdate("message", {{"message_id", NextId()},
                        {"from", somebody},
                        {"chat", ChatJson(*phone)},
                        {"date", seconds},
                        {"migrate_to_chat_id", number}});
  AddUpdate("message", {{"message_id", NextId()},
                        {"from", somebody},
                        {"chat", ChatJson(*FindPhone(to))},
                        {"date", seconds},
                        {"migrate_from_chat_id", ChatId(*phone)}});
  return absl::OkStatus();
}

}  // namespace mo::simulator
