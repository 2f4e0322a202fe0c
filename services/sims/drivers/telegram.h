// Telegram's Bot API (PROTOCOLS.md §2).
//
// Settings: access_token is the bot's token, verify_token the secret that comes with each callback;
// option "polling" = "true": updates are asked for, there are no callbacks.
//
// Addresses: numeric chat ids (a person's is positive, a group's negative), or "@channel". Messages
// are numbered per chat, so their ids here are "<chat>:<message>". Nothing of ours comes back with
// a message, and there are no receipts: what was sent without an answer stays uncertain.
#pragma once

#include "services/sims/drivers/driver.h"

namespace mo::sims {

// What an error of the Bot API is to us.
ErrorClass TelegramError(int64_t code, absl::string_view description);

class Telegram final : public Driver {
 public:
  explicit Telegram(DriverSettings settings);

  common::Network network() const override { return common::NETWORK_TELEGRAM; }
  const Capabilities& capabilities() const override;
  const Limits& limits() const override;

  absl::Status CheckSettings() const override;
  std::optional<http::ClientRequest> Probe() const override;
  ErrorClass ParseProbe(const http::Response& response) const override;
  // Sets the webhook; when updates are asked for, takes it away, for there cannot be both.
  std::optional<http::ClientRequest> Subscribe() const override;

  SendOutcome MakeRequests(const Outgoing& message,
                           std::vector<http::ClientRequest>& requests) const override;
  SendOutcome ParseResponse(const http::Response& response) const override;

  absl::Status Verify(const Callback& callback) const override;
  absl::StatusOr<CallbackEvents> ParseCallback(const Callback& callback,
                                               absl::Time now) const override;
  // The cursor is the number of the next update. FAILED_PRECONDITION when somebody else polls or a
  // webhook is set, UNAUTHENTICATED when the token does not hold any more.
  http::ClientRequest Poll(absl::string_view cursor) const override;
  absl::StatusOr<Polled> ParsePoll(const http::Response& response, absl::Time now) const override;

  absl::StatusOr<FetchStep> FetchMedia(const RemoteMedia& media,
                                       const http::Response* previous) const override;
  std::optional<http::ClientRequest> LeaveGroup(absl::string_view group_id) const override;

 private:
  // A request that calls a method with JSON.
  http::ClientRequest Call(absl::string_view method, std::string body) const;
  SendOutcome MakeMedia(const Outgoing& message, absl::string_view chat,
                        std::vector<http::ClientRequest>& requests) const;

  const std::string base_;  // without a slash at the end
  const int64_t bot_id_;    // the first part of the token
  const bool polling_;
};

}  // namespace mo::sims
