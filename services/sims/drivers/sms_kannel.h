// SMS through Kannel's HTTP interface (PROTOCOLS.md §4.2).
//
// Settings: base_url is the smsbox's, username and access_token those of its sendsms-user,
// verify_token the "token" that its calls must carry, for Kannel signs nothing. Options: "smsc"
// (which of its SMS centres sends), "sender" (what recipients see instead of the address),
// "smart_encoding" = "true" (typographic quotes and dashes become plain, which keeps texts short).
//
// What comes in needs this in Kannel's configuration, with the callback URL in full:
//   group = sms-service
//   keyword = default
//   max-messages = 0
//   get-url = "<callback>?token=…&id=%I&sender=%p&ts=%T&coding=%c&charset=%C&message=%b"
// Receipts need nothing: each message says where its own go, and carries its key there.
#pragma once

#include "services/sims/drivers/driver.h"

namespace mo::sims {

// Media and places go as links in the text, for there is nothing else.
class SmsKannel final : public Driver {
 public:
  explicit SmsKannel(DriverSettings settings) : Driver(std::move(settings)) {}

  common::Network network() const override { return common::NETWORK_SMS; }
  const Capabilities& capabilities() const override;
  const Limits& limits() const override;

  absl::Status CheckSettings() const override;

  SendOutcome MakeRequests(const Outgoing& message,
                           std::vector<http::ClientRequest>& requests) const override;
  SendOutcome ParseResponse(const http::Response& response) const override;

  absl::Status Verify(const Callback& callback) const override;
  absl::StatusOr<CallbackEvents> ParseCallback(const Callback& callback,
                                               absl::Time now) const override;

 private:
  std::string ReceiptUrl(int64_t key) const;
};

}  // namespace mo::sims
