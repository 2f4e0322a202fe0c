#include "services/sims/drivers/sms_kannel.h"

#include <openssl/sha.h>

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "libs/runtime/clock.h"
#include "libs/runtime/errors.h"
#include "services/sims/drivers/meta.h"
#include "services/sims/drivers/secret.h"
#include "services/sims/drivers/sms_text.h"
#include "services/sims/drivers/text.h"

namespace mo::sims {
namespace {

// What sendsms-user lets pass unless it says otherwise; Kannel cuts off the rest without a word.
constexpr size_t kMostParts = 10;
// Delivered, failed, taken by the SMS centre, refused by it; not "buffered".
constexpr int kReceiptMask = 1 | 2 | 8 | 16;

using Parameters = std::map<std::string, std::string>;

Parameters ParametersOf(const Callback& callback) {
  Parameters found;
  for (auto& [name, value] : http::ParseQuery(callback.query)) found.emplace(name, value);
  if (callback.method == "POST") {
    for (auto& [name, value] : http::ParseQuery(callback.body)) found.emplace(name, value);
  }
  return found;
}

std::string Get(const Parameters& parameters, const std::string& name) {
  const auto found = parameters.find(name);
  return found == parameters.end() ? "" : found->second;
}

// "+43664…", or a short code; "" if it is no number. A "+" that was not encoded is a blank here.
std::string NumberOf(absl::string_view text) {
  const bool plus = absl::StartsWith(text, "+") || absl::StartsWith(text, " ");
  text = absl::StripAsciiWhitespace(absl::StripPrefix(text, "+"));
  const bool zeros = absl::ConsumePrefix(&text, "00");
  if (!AllDigits(text) || text.size() > 15) return "";
  // Short codes and national numbers stay as they are.
  const bool whole = plus || zeros || (text.size() >= 9 && text[0] != '0');
  return absl::StrCat(whole ? "+" : "", text);
}

absl::Time TimeOf(const Parameters& parameters, absl::Time now) {
  int64_t seconds = 0;
  const bool good =
      absl::SimpleAtoi(Get(parameters, "ts"), &seconds) && seconds > 0 && seconds < 10'000'000'000;
  return good ? absl::FromUnixSeconds(seconds) : now;
}

std::string TextOf(const Parameters& parameters) {
  const std::string bytes = Get(parameters, "message");
  const std::string charset = absl::AsciiStrToUpper(Get(parameters, "charset"));
  if (Get(parameters, "coding") == "2" && charset != "UTF-8") return FromUtf16(bytes);
  if (charset == "UTF-16BE" || charset == "UCS-2") return FromUtf16(bytes);
  if (charset == "ISO-8859-1" || charset == "WINDOWS-1252") return FromLatin1(bytes);
  return FromUtf8(bytes);
}

// "NACK/0x0000000b/Invalid Destination Address": the SMS centre's own code; 0 if there is none.
int CodeOf(absl::string_view answer) {
  const std::vector<absl::string_view> parts = absl::StrSplit(answer, '/');
  uint32_t code = 0;
  const bool given =
      parts.size() >= 2 && absl::StartsWith(parts[1], "0x") && absl::SimpleHexAtoi(parts[1], &code);
  return given && code < 0x10000 ? static_cast<int>(code) : 0;
}

absl::StatusOr<CallbackEvents> Receipt(const Parameters& parameters, absl::Time now) {
  constexpr int kInvalidDestination = 0xB;
  ReceiptEvent receipt;
  int status = 0;
  if (!absl::SimpleAtoi(Get(parameters, "status"), &status) || status == 0 ||
      !absl::SimpleAtoi(Get(parameters, "key"), &receipt.key) || receipt.key <= 0) {
    return absl::InvalidArgumentError("no receipt of Kannel's");
  }
  receipt.provider_id = FromUtf8(Get(parameters, "id"));
  receipt.time = TimeOf(parameters, now);
  CallbackEvents events;
  switch (status) {
    case 1:
      receipt.state = common::DELIVERY_STATE_DELIVERED;
      break;
    case 4:
    case 8:
      receipt.state = common::DELIVERY_STATE_SENT;
      break;
    case 2:
    case 16:
      receipt.state = common::DELIVERY_STATE_FAILED;
      receipt.code = CodeOf(Get(parameters, "answer"));
      // Refused for the number, or for the message; what could not be delivered was for the number.
      receipt.error = status == 2 || receipt.code == kInvalidDestination
                          ? ErrorClass::kRecipientGone
                          : ErrorClass::kMessageRefused;
      break;
    default:
      events.ignored = 1;
      return events;
  }
  events.senders.emplace_back().receipts.push_back(std::move(receipt));
  return events;
}

absl::StatusOr<CallbackEvents> Message(const Parameters& parameters, absl::Time now) {
  const std::string sender = NumberOf(Get(parameters, "sender"));
  if (sender.empty() || !parameters.contains("message"))
    return absl::InvalidArgumentError("no message of Kannel's");
  InboundMessage inbound;
  std::string id = FromUtf8(Get(parameters, "id"));
  if (id.empty()) {
    // The same message told twice gets the same one.
    const std::string all =
        absl::StrCat(sender, "\n", Get(parameters, "ts"), "\n", Get(parameters, "message"));
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(reinterpret_cast<const unsigned char*>(all.data()), all.size(), digest);
    id = absl::BytesToHexString({reinterpret_cast<const char*>(digest), 16});
  }
  inbound.message.set_provider_message_id(std::move(id));
  inbound.message.set_sender_address(sender);
  if (absl::StartsWith(sender, "+")) inbound.message.set_sender_phone(sender);
  *inbound.message.mutable_time() = ToProto(TimeOf(parameters, now));
  std::string text = TextOf(parameters);
  if (text.empty()) {
    inbound.message.mutable_content()->mutable_unsupported()->set_kind("empty");
  } else {
    inbound.message.mutable_content()->mutable_text()->set_body(std::move(text));
  }
  CallbackEvents events;
  events.senders.emplace_back().inbound.push_back(std::move(inbound));
  return events;
}

// What other networks let recipients tap on, as lines to read.
std::string TapLines(const common::Content& content) {
  std::string lines;
  for (const common::QuickReply& reply : content.quick_replies()) {
    if (reply.kind() != common::QUICK_REPLY_KIND_LOCATION)
      absl::StrAppend(&lines, "\n- ", reply.title());
  }
  if (content.has_link_button())
    absl::StrAppend(&lines, "\n", content.link_button().title(), ": ", content.link_button().url());
  return lines;
}

}  // namespace

const Capabilities& SmsKannel::capabilities() const {
  static const Capabilities capabilities = [] {
    Capabilities c;
    c.image = c.audio = c.video = c.document = c.location = true;  // as links
    c.echoes_key = true;
    c.receipts = ReceiptKind::kByKey;
    c.upload = UploadKind::kNone;
    return c;
  }();
  return capabilities;
}

const Limits& SmsKannel::limits() const {
  static const Limits limits = [] {
    Limits l;
    l.text_characters = 1530;  // ten parts
    return l;
  }();
  return limits;
}

absl::Status SmsKannel::CheckSettings() const {
  Problems problems;
  const auto require = [&](absl::string_view field, const std::string& value) {
    if (value.empty()) problems.Add(field, "REQUIRED", "is needed to speak to Kannel");
  };
  require("base_url", settings().base_url);
  require("username", settings().username);
  require("access_token", settings().access_token);
  require("verify_token", settings().verify_token);
  return problems.ToStatus();
}

// Kannel fills in the escapes when it calls.
std::string SmsKannel::ReceiptUrl(int64_t key) const {
  return absl::StrCat(settings().callback_url, "?token=", settings().verify_token, "&key=", key,
                      "&status=%d&id=%F&ts=%T&answer=%A");
}

SendOutcome SmsKannel::MakeRequests(const Outgoing& message,
                                    std::vector<http::ClientRequest>& requests) const {
  SendOutcome outcome;
  const common::Content& content = message.content;
  std::string text;
  if (message.content.has_message_template()) {
    outcome.error = ErrorClass::kTemplateRefused;
  } else if (content.has_text()) {
    text = content.text().body();
  } else if (content.has_location()) {
    text = LocationText(content.location());
  } else if (content.has_media() && !content.media().url().empty()) {
    const common::Media& media = content.media();
    text = absl::StrCat(media.caption(), media.caption().empty() ? "" : "\n", media.url());
  } else {
    outcome.error = content.has_media() ? ErrorClass::kMediaRefused : ErrorClass::kMessageRefused;
  }
  if (outcome.accepted()) text += TapLines(content);
  const auto option = [&](const std::string& name) { return Get(settings().options, name); };
  if (option("smart_encoding") == "true") text = PlainPunctuation(text);
  const SmsSize size = MeasureSms(text);
  if (outcome.accepted() && (size.parts == 0 || size.parts > kMostParts))
    outcome.error = ErrorClass::kMessageRefused;
  if (outcome.accepted() && !AllDigits(absl::StripPrefix(message.address, "+")))
    outcome.error = ErrorClass::kRecipientGone;
  if (!outcome.accepted()) return outcome;

  http::ClientRequest request;
  request.url = absl::StrCat(settings().base_url, "/cgi-bin/sendsms?");
  const auto add = [&](absl::string_view name, absl::string_view value) {
    if (request.url.back() != '?') request.url += '&';
    absl::StrAppend(&request.url, name, "=", http::PercentEncode(value));
  };
  add("username", settings().username);
  add("password", settings().access_token);
  add("from", option("sender").empty() ? settings().address : option("sender"));
  add("to", message.address);
  add("coding", size.gsm7 ? "0" : "2");
  add("charset", "UTF-8");
  if (!option("smsc").empty()) add("smsc", option("smsc"));
  // Kannel's own queue puts answers before broadcasts, too.
  if (message.purpose != Purpose::kBulk) add("priority", "1");
  if (!settings().callback_url.empty()) {
    add("dlr-mask", absl::StrCat(kReceiptMask));
    add("dlr-url", ReceiptUrl(message.key));
  }
  add("text", text);
  request.timeout = limits().request_timeout;
  requests.push_back(std::move(request));
  return outcome;
}

SendOutcome SmsKannel::ParseResponse(const http::Response& response) const {
  SendOutcome outcome;
  const absl::string_view said = response.body;
  const bool taken =
      response.status == 202 ||
      (response.status == 200 && (absl::StartsWith(said, "0:") || absl::StartsWith(said, "3:")));
  if (taken) return outcome;
  outcome.code = response.status;
  outcome.retry_after = RetryAfter(response);
  switch (response.status) {
    case 401:
      outcome.error = ErrorClass::kSimUnauthorized;
      break;
    case 403:
      outcome.error = absl::StrContains(said, "uthorization") ? ErrorClass::kSimUnauthorized
                                                              : ErrorClass::kRecipientGone;
      break;
    case 404:
      outcome.error = ErrorClass::kSimMisconfigured;
      break;
    case 429:
      outcome.error = ErrorClass::kThrottled;
      break;
    case 504:
      outcome.error = ErrorClass::kUnknownOutcome;
      break;
    default:
      outcome.error = response.status < 300    ? ErrorClass::kUnknownOutcome
                      : response.status < 400  ? ErrorClass::kSimMisconfigured
                      : response.status >= 500 ? ErrorClass::kRetry
                      : absl::StrContains(said, "denied")
                          ? ErrorClass::kRecipientGone  // by Kannel's lists
                          : ErrorClass::kMessageRefused;
  }
  return outcome;
}

absl::Status SmsKannel::Verify(const Callback& callback) const {
  for (const auto& [name, value] : http::ParseQuery(callback.query)) {
    if (name == "token" && SameSecret(value, settings().verify_token)) return absl::OkStatus();
  }
  return absl::PermissionDeniedError("the callback does not carry the token");
}

absl::StatusOr<CallbackEvents> SmsKannel::ParseCallback(const Callback& callback,
                                                        absl::Time now) const {
  const Parameters parameters = ParametersOf(callback);
  return parameters.contains("status") ? Receipt(parameters, now) : Message(parameters, now);
}

}  // namespace mo::sims
