// Drivers' requests, outcomes and events as text, so that a case is a row of strings.
#pragma once

#include <google/protobuf/text_format.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/sims/drivers/consequences.h"
#include "services/sims/drivers/driver.h"

namespace mo::sims {

// What rows call now.
inline const absl::Time kTestNow = absl::FromUnixSeconds(1800000000);

inline std::string AsText(const google::protobuf::Message& message) {
  google::protobuf::TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  printer.SetUseUtf8StringEscaping(true);
  std::string text;
  printer.PrintToString(message, &text);
  if (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

// A content as rows write it, e.g. `text { body: "Hallo" }`.
inline common::Content ParseContent(const std::string& text) {
  common::Content content;
  if (!google::protobuf::TextFormat::ParseFromString(text, &content))
    throw std::runtime_error("no content: " + text);
  return content;
}

// "POST https://… type/of-body body".
inline std::string AsText(const http::ClientRequest& request) {
  std::string text = absl::StrCat(request.method, " ", request.url);
  for (const http::Header& header : request.headers)
    absl::StrAppend(&text, "\n", header.name, ": ", header.value);
  if (!request.body.empty()) absl::StrAppend(&text, "\n", request.body);
  return text;
}

// "throttled code=429 retry=17s", "none id=5:7".
inline std::string AsText(const SendOutcome& outcome) {
  std::string text(ConsequenceOf(outcome.error).name);
  if (outcome.code != 0) absl::StrAppend(&text, " code=", outcome.code);
  if (outcome.retry_after > absl::ZeroDuration())
    absl::StrAppend(&text, " retry=", absl::FormatDuration(outcome.retry_after));
  if (!outcome.provider_id.empty()) absl::StrAppend(&text, " id=", outcome.provider_id);
  if (!outcome.new_address.empty()) absl::StrAppend(&text, " moved=", outcome.new_address);
  if (!outcome.provider_media_id.empty())
    absl::StrAppend(&text, " media=", outcome.provider_media_id);
  if (!outcome.recipient_id.empty()) absl::StrAppend(&text, " recipient=", outcome.recipient_id);
  return text;
}

// What one message becomes: its requests, or the class of its refusal.
inline std::string Made(const Driver& driver, const Outgoing& message) {
  std::vector<http::ClientRequest> requests;
  const SendOutcome outcome = driver.MakeRequests(message, requests);
  if (!outcome.accepted()) return AsText(outcome);
  return absl::StrJoin(requests, "\n", [](std::string* out, const http::ClientRequest& request) {
    absl::StrAppend(out, AsText(request));
  });
}

inline std::string AsText(absl::Time time) { return absl::StrCat(absl::ToUnixMillis(time)); }

inline std::string AsText(const InboundMessage& inbound) {
  std::string text = absl::StrCat("inbound ", AsText(inbound.message));
  if (inbound.media.has_value()) {
    absl::StrAppend(&text, " | media ", inbound.media->provider_id, " ", inbound.media->url, " ",
                    inbound.media->mime_type, " ", inbound.media->size_bytes);
  }
  if (!inbound.start_payload.empty()) absl::StrAppend(&text, " | start ", inbound.start_payload);
  if (!inbound.reply_to.empty()) absl::StrAppend(&text, " | answers ", inbound.reply_to);
  return text;
}

inline std::string AsText(const ReceiptEvent& receipt) {
  std::string text = absl::StrCat("receipt ", common::DeliveryState_Name(receipt.state).substr(15));
  if (receipt.key != 0) absl::StrAppend(&text, " key=", receipt.key);
  if (!receipt.provider_id.empty()) absl::StrAppend(&text, " id=", receipt.provider_id);
  if (!receipt.address.empty()) absl::StrAppend(&text, " to=", receipt.address);
  if (receipt.error != ErrorClass::kNone)
    absl::StrAppend(&text, " error=", ConsequenceOf(receipt.error).name);
  if (receipt.code != 0) absl::StrAppend(&text, " code=", receipt.code);
  if (receipt.watermark.has_value())
    absl::StrAppend(&text, " watermark=", AsText(*receipt.watermark));
  return absl::StrCat(text, " at=", AsText(receipt.time));
}

// One line for each event, "ignored n" at the end when there are any.
inline std::string AsText(const CallbackEvents& events) {
  std::vector<std::string> lines;
  for (const SenderEvents& sender : events.senders) {
    if (!sender.sender_id.empty()) lines.push_back(absl::StrCat("sender ", sender.sender_id));
    for (const auto& inbound : sender.inbound) lines.push_back(AsText(inbound));
    for (const auto& receipt : sender.receipts) lines.push_back(AsText(receipt));
    for (const auto& group : sender.groups) lines.push_back(absl::StrCat("group ", AsText(group)));
    for (const ConsentEvent& consent : sender.consents) {
      lines.push_back(
          absl::StrCat("consent ", consent.address, consent.stopped ? " stop" : " start",
                       consent.marketing ? " marketing" : "", " at=", AsText(consent.time)));
    }
    for (const MovedEvent& moved : sender.moved)
      lines.push_back(absl::StrCat("moved ", moved.old_address, " to ", moved.new_address));
    for (const HealthEvent& health : sender.health) {
      lines.push_back(absl::StrCat("health ", static_cast<int>(health.kind), " ", health.name, " ",
                                   health.detail));
    }
  }
  if (events.ignored > 0) lines.push_back(absl::StrCat("ignored ", events.ignored));
  return absl::StrJoin(lines, "\n");
}

// The events of a callback's body, or the code of the error.
inline std::string Parsed(const Driver& driver, absl::string_view body,
                          absl::string_view query = "") {
  const http::Headers headers;
  const auto events =
      driver.ParseCallback({body.empty() ? "GET" : "POST", query, headers, body}, kTestNow);
  return events.ok() ? AsText(*events) : absl::StatusCodeToString(events.status().code());
}

}  // namespace mo::sims
