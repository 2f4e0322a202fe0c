#include "tools/simulator/doubles/whatsapp.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace mo::simulator {

ProviderLimits WhatsAppDouble::DefaultLimits() {
  ProviderLimits limits;
  limits.messages_per_second = 80;
  limits.pair_interval_ms = 6000;
  limits.pair_burst = 45;
  limits.window_ms = 24 * 3600 * 1000;
  return limits;
}

WhatsAppDouble::WhatsAppDouble(uint32_t id, DoubleSpec spec, DoubleSettings settings, World& world,
                               http::Client& client, std::string origin)
    : GraphDouble(id, std::move(spec), settings, world, client, std::move(origin)) {
  OnCallback();
}

const GraphDouble::Words* WhatsAppDouble::FindWords(int code) const {
  static constexpr Words kWords[] = {
      {0, 401, "We were unable to authenticate the app user"},
      {190, 401, ""},
      {3, 500, "Application does not have the capability to make this API call"},
      {10, 403, "Application does not have permission for this action"},
      {200, 403, "You do not have permission to access this resource"},
      {368, 403, "Temporarily blocked for policies violations"},
      {131031, 403, "Business Account locked"},
      {130497, 403, "Business account is restricted from messaging users in this country"},
      {4, 400, "Application request limit reached"},
      {80007, 400, "Rate limit issues"},
      {130429, 400, "Rate limit hit"},
      {131048, 400, "Spam rate limit hit"},
      {131056, 400, "(Business Account, Consumer Account) pair rate limit hit"},
      {1, 400, "An unknown error occurred"},
      {2, 503, "Service temporarily unavailable"},
      {131000, 500, "Something went wrong"},
      {131016, 500, "Service unavailable"},
      {131057, 500, "Account in maintenance mode"},
      {131053, 400, "Media upload error"},
      {131052, 400, "Media download error"},
      {131026, 400, "Message undeliverable"},
      {131047, 400, "Re-engagement message"},
      {131049, 400, "This message was not delivered to maintain healthy ecosystem engagement."},
      {131050, 400, "User has stopped marketing messages"},
      {131051, 400, "Unsupported message type"},
      {131021, 400, "Recipient cannot be sender"},
      {131008, 400, "Required parameter is missing"},
      {131009, 400, "Parameter value is not valid"},
      {131062, 400, "Business-scoped user id not allowed for this message"},
      {33, 400, "Parameter value is not valid"},
      {100, 400, "Invalid parameter"},
      {132000, 400, "Number of parameters does not match the expected number of params"},
      {132001, 404, "Template name does not exist in the translation"},
      {132007, 400, "Template Format Character Policy Violated"},
      {132012, 400, "Parameter format does not match format in the created template"},
      {132015, 400, "Template is Paused"},
      {132016, 400, "Template is Disabled"},
      {131041, 400, "Unknown group"},
      {131208, 429, "Group rate limit hit"},
  };
  const auto* found = std::find_if(std::begin(kWords), std::end(kWords),
                                   [&](const Words& words) { return words.code == code; });
  return found == std::end(kWords) ? nullptr : found;
}

bool WhatsAppDouble::IsSend(const ProviderCall& call) const {
  return call.request.method == "POST" && call.path.size() == 3 && call.path[2] == "messages" &&
         !(call.body.is_object() && call.body.contains("status"));
}

std::optional<http::Response> WhatsAppDouble::Handle(ProviderCall& call) {
  const std::string& method = call.request.method;
  if (call.path.size() == 3 && call.path[0] == "media") {
    return GraphToken(call) == spec_.token ? Download(call)
                                           : Fail({190, "Invalid OAuth access token"});
  }
  if (auto refusal = Refuse(call)) return refusal;
  if (call.path.size() < 2) return Fail({100, "Unsupported request"});
  const std::string& object = call.path[1];
  const std::string edge = call.path.size() > 2 ? call.path[2] : "";
  if (object == spec_.sender_id) {
    if (edge.empty() && method == "GET") return About();
    if (edge == "messages" && method == "POST") {
      if (!call.body.is_object()) return Fail({100, "The body must be a JSON object"});
      return call.body.contains("status") ? MarkRead(call.body) : Send(call.body);
    }
    if (edge == "media" && method == "POST") return Upload(call);
    if (edge == "groups" && method == "POST") return MakeGroup(call);
    if (edge == "groups" && method == "GET") return ListGroups();
  }
  if (!spec_.business_id.empty() && object == spec_.business_id) {
    if (edge == "message_templates" && method == "GET") return Templates();
    if (edge == "subscribed_apps" && method == "POST") return Json(200, R"({"success":true})");
  }
  if (edge.empty() && files_.count(object) > 0) return Media(call);
  return Fail(
      {100,
       absl::StrCat("Unsupported ", absl::AsciiStrToLower(method), " request. Object with ID '",
                    object,
                    "' does not exist, cannot be loaded due to missing permissions, or does "
                    "not support this operation."),
       33});
}

std::string WhatsAppDouble::MessageId(int64_t id) const {
  return absl::StrCat("wamid.HBgL",
                      absl::Base64Escape(absl::StrCat(absl::Hex(Mix(world_.seed ^ id_)), id)));
}

std::string WhatsAppDouble::UserId(const Phone& phone) const {
  if (phone.address.size() > 3 && phone.address[2] == '.') return phone.address;
  const uint64_t hash = static_cast<uint64_t>(HashText(phone.address));
  return absl::StrCat("AT.", Mix(hash) % 1000000000000000u);
}

Phone* WhatsAppDouble::Recipient(const json& body, Message* message,
                                 std::optional<GraphError>* error) {
  const bool by_user = !body.contains("to");
  const json& value = by_user ? body["recipient"] : body["to"];
  message->input = value.get<std::string>();
  const std::string& input = message->input;
  if (message->group) {
    Phone* group = FindPhone(input);
    if (group == nullptr || !(group->flags.load() & Phone::kGroup) ||
        !world_.groups.IsMember(spec_.network, input, spec_.address)) {
      *error = {131041, "The group is not one of this business"};
      return nullptr;
    }
    return group;
  }
  if (by_user) {
    if (message->authentication) {
      *error = {131062, "Authentication templates need a phone number"};
      return nullptr;
    }
    const auto known = user_ids_.find(input);
    Phone* phone = known != user_ids_.end() ? known->second : FindPhone(input);
    if (phone == nullptr) *error = {131026, "Message Undeliverable."};
    return phone;
  }
  std::string digits;
  for (const char c : input) {
    if (absl::ascii_isdigit(c)) digits.push_back(c);
    if (!absl::ascii_isdigit(c) && !absl::StrContains("+-() ", c)) {
      *error = {131009, "Parameter 'to' is not a phone number"};
      return nullptr;
    }
  }
  if (digits.size() < 5 || digits.size() > 15) {
    *error = {131009, "Parameter 'to' is not a phone number"};
    return nullptr;
  }
  if (digits == absl::StripPrefix(spec_.address, "+")) {
    *error = {131021, "Sender and recipient phone number is the same."};
    return nullptr;
  }
  Phone* phone = FindPhone("+" + digits);
  if (phone == nullptr) phone = FindPhone(digits);
  if (phone == nullptr || phone->flags.load() & Phone::kGroup) {
    *error = {131026, "Message Undeliverable."};
    return nullptr;
  }
  return phone;
}

std::optional<GraphError> WhatsAppDouble::CheckRecipient(Phone& phone, const Message& message) {
  if (message.type != "template" && !WindowOpen(phone)) {
    return GraphError{131047,
                      "Message failed to send because more than 24 hours have passed since the "
                      "customer last replied to this number."};
  }
  const auto contact = contacts_.find(phone.id);
  if (message.marketing && contact != contacts_.end() && contact->second.stopped) {
    return GraphError{131050, "The user has stopped marketing messages from this business."};
  }
  return std::nullopt;
}

http::Response WhatsAppDouble::Send(const json& body) {
  if (banned_) return Fail({131031, "Business account has been locked"});
  Message message;
  if (const auto error = Check(body, &message)) return Fail(*error);
  std::optional<GraphError> error;
  Phone* phone = Recipient(body, &message, &error);
  if (phone == nullptr) return Fail(*error);
  switch (const Rate rate = Take(*phone)) {
    case Rate::kSim:
      return Fail({130429,
                   "Message failed to send because there were too many messages sent from "
                   "this phone number in a short period of time"});
    case Rate::kPair:
      return Fail({131056,
                   "Message failed to send because there were too many messages sent from "
                   "this phone number to the same phone number in a short period of time"});
    case Rate::kGroup:
      return Fail({131208, "Too many messages to this group"}, RetryMs(rate));
    case Rate::kFine:
      break;
  }
  error = CheckRecipient(*phone, message);
  if (error && !settings_.late_errors) return Fail(*error);
  Submission submission{phone, KeyOfTag(message.tag), std::move(message.content), message.tag};
  // The caption of a sound is a message of its own, with the same key.
  if (message.type == "audio" && submission.once != 0) sounds_.insert(submission.once);
  if (message.type == "text" && sounds_.erase(submission.once) > 0) submission.once = 0;
  const Acceptance acceptance =
      error ? AcceptToFail(std::move(submission), error->code) : Accept(std::move(submission));
  std::string answer = R"({"messaging_product":"whatsapp","contacts":[{"input":)";
  absl::StrAppend(&answer, GraphQuote(message.input));
  if (!message.group) {
    const std::string user_id = UserId(*phone);
    if (user_id != phone->address) {
      absl::StrAppend(&answer, R"(,"wa_id":")", absl::StripPrefix(phone->address, "+"), "\"");
    }
    if (user_id == message.input || contacts_[phone->id].written_ms >= 0) {
      absl::StrAppend(&answer, R"(,"user_id":")", user_id, "\"");
    }
  }
  absl::StrAppend(&answer, R"(}],"messages":[{"id":")", MessageId(acceptance.id), "\"");
  if (message.group) absl::StrAppend(&answer, R"(,"group_id":)", GraphQuote(message.input));
  if (message.type == "template") answer += R"(,"message_status":"accepted")";
  return Json(200, answer + "}]}");
}

http::Response WhatsAppDouble::MarkRead(const json& body) {
  const json id = body.value("message_id", json());
  if (body.value("messaging_product", json()) != "whatsapp") {
    return Fail({100, "The parameter messaging_product is required."});
  }
  if (body["status"] != "read") return Fail({100, "Param status must be one of {read}"});
  if (!id.is_string() || !absl::StartsWith(id.get<std::string>(), "wamid.")) {
    return Fail({131009, "Parameter 'message_id' is not the id of a message"});
  }
  const json indicator = body.value("typing_indicator", json());
  if (!indicator.is_null() && indicator != json{{"type", "text"}}) {
    return Fail({100, "Param typing_indicator['type'] must be one of {text}"});
  }
  return Json(200, R"({"success":true})");
}

}  // namespace mo::simulator
