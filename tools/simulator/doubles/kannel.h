// The double of an SMS centre behind Kannel's HTTP interface.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/simulator/doubles/double.h"

namespace mo::simulator {

class KannelDouble : public Double {
 public:
  static constexpr const char* kDriver = "sms_kannel";
  // Kannel queues what the centre does not take yet: no limits.
  static ProviderLimits DefaultLimits() { return {}; }
  // The sendsms-user that a request names.
  static std::string UserOf(const ProviderCall& call);
  // The answer to a user that nobody is.
  static http::Response Unknown(const ProviderCall& call);

  KannelDouble(uint32_t id, DoubleSpec spec, DoubleSettings settings, World& world,
               http::Client& client, std::string origin)
      : Double(id, std::move(spec), settings, world, client, std::move(origin)) {}

 private:
  std::optional<http::Response> Handle(ProviderCall& call) override;
  bool IsSend(const ProviderCall& call) const override;
  http::Response Throttled(int64_t retry_ms) override;
  http::Response Broken(bool plain) override;
  http::Response Forced(const ForcedError& error) override;
  absl::Status OnReceive(Phone& phone, DoubleInbound& inbound) override;
  void OnStatuses(const std::vector<Status>& statuses) override;

  http::Response Send(const ProviderCall& call);
};

// The text of sendsms's parameters as UTF-8: coding 2 without a charset is UTF-16BE, all else
// UTF-8; without coding 2 what is not in the GSM alphabet becomes "?". None: not possible.
std::optional<std::string> KannelText(absl::string_view text, absl::string_view coding,
                                      absl::string_view charset);

// UTF-16BE of UTF-8; what is none becomes U+FFFD.
std::string ToUtf16(absl::string_view utf8);
// Whether the GSM default alphabet has all of it.
bool IsGsm(absl::string_view utf8);

}  // namespace mo::simulator
