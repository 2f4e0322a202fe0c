// What WhatsApp and Messenger have in common: Meta's Graph API and its callbacks.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/sims/drivers/driver.h"
#include "services/sims/drivers/json.h"

namespace mo::sims {

// The answer to GET ?hub.mode=subscribe&hub.verify_token=…&hub.challenge=…: the challenge, or 403.
// None: it is no GET.
std::optional<CallbackAnswer> MetaHandshake(absl::string_view verify_token,
                                            const Callback& callback);

// OK when X-Hub-Signature-256 is the HMAC-SHA256 of the raw body under the app's secret; compared
// in constant time. PERMISSION_DENIED otherwise, also while there is no secret.
absl::Status VerifyMetaSignature(absl::string_view app_secret, const Callback& callback);

// "https://graph.facebook.com/v25.0", as the settings say it.
std::string GraphUrl(const DriverSettings& settings);

// A request of the Graph API. `path` follows GraphUrl; the token goes into a header, for URLs get
// into logs.
http::ClientRequest GraphRequest(const DriverSettings& settings, absl::string_view method,
                                 absl::string_view path, std::string body = {});

// What the Retry-After header asks for, in seconds; zero without one.
absl::Duration RetryAfter(const http::Response& response);

// Meta's times: seconds or milliseconds, as a number or a string; `now` when there is no sane one.
absl::Time MetaTime(const Json& object, const char* name, absl::Time now);

// What drivers of Meta's networks do alike.
class MetaDriver : public Driver {
 public:
  absl::Status CheckSettings() const override;
  std::optional<CallbackAnswer> Handshake(const Callback& callback) const override {
    return MetaHandshake(settings().verify_token, callback);
  }
  absl::Status Verify(const Callback& callback) const override {
    return VerifyMetaSignature(settings().app_secret, callback);
  }

 protected:
  explicit MetaDriver(DriverSettings settings) : Driver(std::move(settings)) {}
};

}  // namespace mo::sims
