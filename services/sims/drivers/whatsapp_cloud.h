// WhatsApp Business Cloud API (PROTOCOLS.md §1).
//
// Settings: sender_id is the phone number id, business_id the WhatsApp business account,
// access_token the system user's token, app_secret signs callbacks, verify_token introduces them.
//
// Addresses: "+43664…" a phone number; "AT.1A2b" a business-scoped user id; anything else a group.
#pragma once

#include "services/sims/drivers/meta.h"

namespace mo::sims {

// What a Graph API error (in a response, a status or a webhook) is to us, by its code.
ErrorClass WhatsAppError(int64_t code, int http_status);

// Whether an address is a phone number; with or without "+".
bool IsWhatsAppPhone(absl::string_view address);
// Whether an address is a business-scoped user id.
bool IsWhatsAppUserId(absl::string_view address);

// What a template's status, or an event about it, says of its use.
v1::TemplateStatus TemplateStatusOf(absl::string_view word);

class WhatsAppCloud final : public MetaDriver {
 public:
  explicit WhatsAppCloud(DriverSettings settings);

  common::Network network() const override { return common::NETWORK_WHATSAPP; }
  const Capabilities& capabilities() const override;
  const Limits& limits() const override;

  std::optional<http::ClientRequest> Probe() const override;
  ErrorClass ParseProbe(const http::Response& response) const override;

  SendOutcome MakeRequests(const Outgoing& message,
                           std::vector<http::ClientRequest>& requests) const override;
  SendOutcome ParseResponse(const http::Response& response) const override;
  http::ClientRequest Upload(const MediaFile& file) const override;
  UploadOutcome ParseUpload(const http::Response& response) const override;

  std::optional<http::ClientRequest> ListTemplates(absl::string_view cursor) const override;
  absl::StatusOr<TemplatePage> ParseTemplates(const http::Response& response) const override;

  absl::StatusOr<CallbackEvents> ParseCallback(const Callback& callback,
                                               absl::Time now) const override;

  absl::StatusOr<FetchStep> FetchMedia(const RemoteMedia& media,
                                       const http::Response* previous) const override;

 private:
  // The requests of a message with something to tap on.
  SendOutcome MakeInteractive(const Outgoing& message,
                              std::vector<http::ClientRequest>& requests) const;
  // A request that posts a message's body.
  http::ClientRequest Post(std::string body) const;

  const std::string messages_url_;
  const std::string authorization_;
};

}  // namespace mo::sims
