// The double of the Telegram Bot API for one bot.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/simulator/doubles/double.h"

namespace mo::simulator {

class TelegramDouble : public Double, public std::enable_shared_from_this<TelegramDouble> {
 public:
  static constexpr const char* kDriver = "telegram";
  // What Telegram allows ordinary bots.
  static ProviderLimits DefaultLimits();
  // The bot's id, or the token, of a request's path.
  static std::string BotOf(const ProviderCall& call);
  static std::string TokenOf(const ProviderCall& call);
  // The answer to a token that nobody has.
  static http::Response Unknown(const ProviderCall& call);

  TelegramDouble(uint32_t id, DoubleSpec spec, DoubleSettings settings, World& world,
                 http::Client& client, std::string origin);

 private:
  // The parameters of a call, from wherever they came, and its files.
  struct Parameters {
    json values = json::object();
    std::map<std::string, http::Part> files;

    bool Has(const char* name) const { return values.contains(name); }
    std::string Text(const char* name) const;            // "" if absent
    std::optional<int64_t> Int(const char* name) const;  // also from a string of digits
    std::optional<double> Number(const char* name) const;
    json Value(const char* name) const;  // also from a string of JSON
    bool Bool(const char* name) const;
  };
  // "Bad Request: …" and its status.
  struct Problem {
    int code = 400;
    std::string description;
    json parameters = nullptr;
  };
  struct Update {
    int64_t id = 0;
    int64_t time_ms = 0;
    std::string type;
    std::string body;  // JSON
    bool under_way = false;
    int attempts = 0;
    int64_t due_ms = 0;
  };
  struct Poll {
    http::Responder responder;
    int64_t deadline_ms = 0;
    size_t limit = 100;
  };
  struct File {
    std::string unique_id, mime_type, filename, data;
  };
  struct Method {
    const char* name;
    std::optional<Problem> (TelegramDouble::*run)(const Parameters&, json*);
    bool send;
  };
  using Outcome = std::optional<Problem>;

  std::optional<http::Response> Handle(ProviderCall& call) override;
  bool IsSend(const ProviderCall& call) const override;
  http::Response Throttled(int64_t retry_ms) override;
  http::Response Broken(bool plain) override;
  http::Response Forced(const ForcedError& error) override;
  absl::Status OnReceive(Phone& phone, DoubleInbound& inbound) override;
  void OnStatuses(const std::vector<Status>&) override {}  // there are none
  void OnMembership(const sims::GroupMembership& membership) override;
  void OnBlocked(Phone& phone, bool blocked) override;
  void OnTick(int64_t now_ms) override;
  void OnCallback() override;
  absl::Status OnDo(const std::string& action, Fields& fields, Phone* phone) override;

  static const Method* FindMethod(absl::string_view name);
  static absl::StatusOr<Parameters> Read(const ProviderCall& call);
  static http::Response Answer(const json& result, absl::string_view description = "");
  static http::Response Refuse(const Problem& problem);

  // telegram_send.cc
  Outcome SendMessage(const Parameters& parameters, json* result);
  Outcome SendLocation(const Parameters& parameters, json* result);
  Outcome SendMediaGroup(const Parameters& parameters, json* result);
  template <int kKind>
  Outcome SendFile(const Parameters& parameters, json* result);
  Outcome FindChat(const Parameters& parameters, Phone** phone);
  // Delivers it; adds chat, sender, id and date to the result.
  Outcome Deliver(Phone& phone, common::Content content, const Parameters& parameters,
                  json* result);
  Outcome TakeFile(const Parameters& parameters, const std::string& reference, const char* field,
                   size_t largest, std::string* file_id, common::Media* media);
  json FileJson(const std::string& id) const;
  json PhotoJson(const std::string& id) const;

  // telegram_methods.cc
  Outcome GetMe(const Parameters&, json* result);
  Outcome SetWebhook(const Parameters& parameters, json* result);
  Outcome DeleteWebhook(const Parameters& parameters, json* result);
  Outcome GetWebhookInfo(const Parameters&, json* result);
  Outcome GetFile(const Parameters& parameters, json* result);
  Outcome GetChat(const Parameters& parameters, json* result);
  Outcome LeaveChat(const Parameters& parameters, json* result);
  Outcome Nothing(const Parameters&, json* result);
  http::Response Download(const std::string& path) const;

  // telegram_updates.cc
  std::optional<http::Response> GetUpdates(const Parameters& parameters, http::Responder responder);
  void AddUpdate(const std::string& type, json content);
  json TakeUpdates(size_t limit) const;
  void Dispatch(int64_t now_ms);
  void Dispatched(int64_t update_id, const absl::StatusOr<http::Response>& response);
  json ChatJson(Phone& phone) const;
  json UserJson(Phone& phone) const;
  json BotJson() const;
  json MemberJson(Phone& chat, json from, const char* before, const char* after) const;
  std::string StoreFile(File file);
  int64_t ChatId(const Phone& phone) const;
  Phone* PhoneOfChat(int64_t chat_id) const;

  // The webhook; empty: none, updates are fetched.
  std::string webhook_, secret_token_, last_error_;
  int64_t last_error_s_ = 0;
  size_t connections_ = 40;
  std::vector<std::string> allowed_;  // empty: the usual ones
  std::deque<Update> updates_;
  size_t under_way_ = 0;
  int64_t next_update_ = 0;
  std::optional<Poll> poll_;
  std::map<std::string, File> files_;
  std::map<std::string, std::pair<std::string, int64_t>> paths_;  // file id and until when
  std::map<int64_t, int64_t> migrated_;                           // chats that have another id now
  mutable absl::flat_hash_map<int64_t, Phone*> chats_;            // of phones without a number
};

}  // namespace mo::simulator
