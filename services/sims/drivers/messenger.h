// Facebook's Messenger Platform (PROTOCOLS.md §3).
//
// Settings: sender_id is the page's id, access_token the page's token, app_secret signs callbacks,
// verify_token introduces them.
//
// Addresses are page-scoped ids (digits). Echoes bring our key back, by which a message whose
// answer was lost is found to have arrived; beyond that there are watermarks only.
#pragma once

#include "services/sims/drivers/meta.h"

namespace mo::sims {

// What a Graph API error is to us: by its code and subcode, else by the HTTP status.
ErrorClass MessengerError(int64_t code, int64_t subcode, int http_status);

class Messenger final : public MetaDriver {
 public:
  explicit Messenger(DriverSettings settings) : MetaDriver(std::move(settings)) {}

  common::Network network() const override { return common::NETWORK_MESSENGER; }
  const Capabilities& capabilities() const override;
  const Limits& limits() const override;

  std::optional<http::ClientRequest> Probe() const override;
  ErrorClass ParseProbe(const http::Response& response) const override;

  SendOutcome MakeRequests(const Outgoing& message,
                           std::vector<http::ClientRequest>& requests) const override;
  SendOutcome ParseResponse(const http::Response& response) const override;
  http::ClientRequest Upload(const MediaFile& file) const override;
  UploadOutcome ParseUpload(const http::Response& response) const override;

  absl::StatusOr<CallbackEvents> ParseCallback(const Callback& callback,
                                               absl::Time now) const override;

  absl::StatusOr<FetchStep> FetchMedia(const RemoteMedia& media,
                                       const http::Response* previous) const override;

 private:
  http::ClientRequest Post(const Outgoing& message, absl::string_view said, bool first) const;
};

}  // namespace mo::sims
