// Tables of cases for drivers: message → exact request, response → outcome, callback → events.
#pragma once

#include <google/protobuf/text_format.h>

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "services/sims/drivers/driver.h"

namespace mo::sims {

// A content in protobuf's text form, e.g. `text { body: "Hi" }`.
inline common::Content ContentOf(const std::string& text) {
  common::Content content;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &content));
  return content;
}

// A request on one line per part: method and URL, headers, body.
inline std::string Show(const http::ClientRequest& request) {
  std::string shown = request.method + " " + request.url + "\n";
  for (const auto& line : request.headers) shown += line.name + ": " + line.value + "\n";
  return shown + request.body;
}

struct SendCase {
  std::string label;
  std::string address;
  std::string content;              // text form
  std::vector<std::string> bodies;  // exact, of each request; none: refused
  ErrorClass error = ErrorClass::kNone;
  std::string provider_media_id = "";
};

struct ResponseCase {
  std::string label;
  int status;
  std::string body;
  ErrorClass error;
  std::string provider_id = "";
};

// Events in one line each, to be compared as text.
inline std::vector<std::string> Show(const CallbackEvents& events) {
  std::vector<std::string> lines;
  google::protobuf::TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  for (const SenderEvents& sender : events.senders) {
    const std::string who = sender.sender_id + sender.sender_address + sender.business_id + " ";
    for (const auto& inbound : sender.inbound) {
      std::string text;
      v1::Inbound message = inbound.message;
      const int64_t time = message.time().seconds();
      message.clear_time();
      printer.PrintToString(message, &text);
      std::string line = who + "message " + text + "at " + std::to_string(time);
      if (inbound.media) line += " media " + inbound.media->provider_id + " " + inbound.media->url;
      if (!inbound.start_payload.empty()) line += " start " + inbound.start_payload;
      if (!inbound.reply_to.empty()) line += " to " + inbound.reply_to;
      lines.push_back(line);
    }
    for (const auto& receipt : sender.receipts) {
      std::string line = who + "receipt " + std::to_string(receipt.key) + " " +
                         receipt.provider_id + " " +
                         common::DeliveryState_Name(receipt.state).substr(15) + " " +
                         receipt.address + " " + std::to_string(receipt.code);
      if (receipt.watermark)
        line += " until " + std::to_string(absl::ToUnixMillis(*receipt.watermark));
      lines.push_back(line);
    }
    for (const auto& group : sender.groups)
      lines.push_back(who + "group " + group.ShortDebugString());
    for (const auto& consent : sender.consents)
      lines.push_back(who + (consent.stopped ? "stop " : "resume ") + consent.address);
    for (const auto& moved : sender.moved)
      lines.push_back(who + "moved " + moved.old_address + " " + moved.new_address);
    for (const auto& health : sender.health) {
      lines.push_back(who + "health " + std::to_string(static_cast<int>(health.kind)) + " " +
                      health.name + " " + health.detail + " " + std::to_string(health.value));
    }
  }
  if (events.ignored > 0) lines.push_back("ignored " + std::to_string(events.ignored));
  return lines;
}

// Runs a table of messages; `expect` tells the whole request around a body.
template <class Around>
void CheckSends(const Driver& driver, const std::vector<SendCase>& cases, Around around) {
  for (const SendCase& row : cases) {
    INFO(row.label);
    const common::Content content = ContentOf(row.content);
    std::vector<http::ClientRequest> requests;
    const Outgoing message{77, row.address, content, row.provider_media_id, nullptr};
    CHECK(driver.MakeRequests(message, requests).error == row.error);
    REQUIRE(requests.size() == row.bodies.size());
    for (size_t i = 0; i < requests.size(); ++i) CHECK(Show(requests[i]) == around(row.bodies[i]));
  }
}

inline void CheckResponses(const Driver& driver, const std::vector<ResponseCase>& cases) {
  for (const ResponseCase& row : cases) {
    INFO(row.label);
    const SendOutcome outcome = driver.ParseResponse({row.status, {}, row.body});
    CHECK(outcome.error == row.error);
    CHECK(outcome.provider_id == row.provider_id);
  }
}

}  // namespace mo::sims
