// A driver's parsers under libFuzzer: whatever a stranger sends, they return, and what they return
// can be kept. Compiled once for each driver, with its name as FUZZ_DRIVER.
//
// The input's first byte chooses the parser, the rest is what it reads.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "services/sims/drivers/driver.h"
#include "services/sims/drivers/json.h"
#include "services/sims/drivers/list.h"

namespace mo::sims {
namespace {

// Ends the run, which is how libFuzzer learns of it.
void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

// UTF-8 without NUL, which is what PostgreSQL and protobuf take.
void RequireText(const std::string& text) {
  Require(text.find('\0') == std::string::npos, "text is without NUL");
  Require(
      !ParseJson(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace)).is_discarded(),
      "text can be written");
  std::string quoted;
  AppendJson(text, quoted);
  Require(!ParseJson(quoted).is_discarded(), "text is UTF-8");
}

void Check(const InboundMessage& inbound) {
  const v1::Inbound& message = inbound.message;
  Require(!message.provider_message_id().empty(), "a message has an id");
  Require(!message.sender_address().empty(), "a message has a sender");
  Require(message.content().kind_case() != common::Content::KIND_NOT_SET,
          "a message says something");
  Require(message.time().seconds() > 0, "a message has a time");
  for (const std::string* text :
       {&message.provider_message_id(), &message.sender_address(), &message.sender_phone(),
        &message.sender_name(), &message.group_id(), &inbound.start_payload, &inbound.reply_to,
        &message.content().text().body(), &message.content().media().caption(),
        &message.content().media().filename(), &message.content().media().mime_type(),
        &message.content().location().name(), &message.content().location().address(),
        &message.content().unsupported().kind()}) {
    RequireText(*text);
  }
  Require(inbound.media.has_value() == message.content().has_media(), "media are somewhere");
}

void Check(const CallbackEvents& events) {
  for (const SenderEvents& sender : events.senders) {
    RequireText(sender.sender_id);
    for (const InboundMessage& inbound : sender.inbound) Check(inbound);
    for (const ReceiptEvent& receipt : sender.receipts) {
      RequireText(receipt.provider_id);
      RequireText(receipt.address);
      Require(receipt.key > 0 || !receipt.provider_id.empty() || receipt.watermark.has_value(),
              "a receipt is of something");
      Require(receipt.state != common::DELIVERY_STATE_UNSPECIFIED, "a receipt has a state");
    }
    for (const v1::GroupMembership& group : sender.groups) {
      Require(!group.group_id().empty(), "a group has an id");
      RequireText(group.display_name());
    }
    for (const ConsentEvent& consent : sender.consents)
      Require(!consent.address.empty(), "a consent is somebody's");
    for (const HealthEvent& health : sender.health) RequireText(health.detail);
  }
}

DriverSettings Settings() {
  DriverSettings settings;
  settings.driver = FUZZ_DRIVER;
  settings.address = "+431";
  settings.base_url = "http://127.0.0.1:1";
  settings.sender_id = "1065";
  settings.username = "user";
  settings.access_token = "77:token";
  settings.app_secret = "secret";
  settings.verify_token = "token-0123456789";
  return settings;
}

void RunOne(uint8_t parser, absl::string_view input) {
  static const std::unique_ptr<Driver> driver = *MakeDriver(Settings());
  const absl::Time now = absl::FromUnixSeconds(1800000000);
  const http::Headers headers = {{"X-Hub-Signature-256", std::string(input)},
                                 {"X-Telegram-Bot-Api-Secret-Token", std::string(input)}};
  const http::Response response{parser % 2 == 0 ? 200 : 400, headers, std::string(input)};
  switch (parser % 8) {
    case 1: {
      const auto events = driver->ParseCallback({"GET", input, headers, ""}, now);
      if (events.ok()) Check(*events);
      driver->Handshake({"GET", input, headers, ""});
      break;
    }
    case 2:
    case 3: {
      const SendOutcome outcome = driver->ParseResponse(response);
      RequireText(outcome.provider_id);
      RequireText(outcome.new_address);
      driver->ParseUpload(response);
      driver->ParseProbe(response);
      break;
    }
    case 4: {
      const auto polled = driver->ParsePoll(response, now);
      if (polled.ok()) Check(polled->events);
      break;
    }
    case 5: {
      driver->FetchMedia(RemoteMedia(), &response).status().IgnoreError();
      Require(!driver->Verify({"POST", input, headers, input}).ok() ||
                  input == "token-0123456789" ||
                  input.find("token-0123456789") != absl::string_view::npos,
              "strangers are not let in");
      break;
    }
    default: {
      const auto events = driver->ParseCallback({"POST", "", headers, input}, now);
      if (events.ok()) Check(*events);
    }
  }
}

}  // namespace
}  // namespace mo::sims

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 0) {
    mo::sims::RunOne(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
  }
  return 0;
}
