#include "services/sims/credential_probe.h"

#include <future>
#include <map>

#include "absl/strings/str_cat.h"
#include "libs/runtime/errors.h"
#include "libs/runtime/status.h"
#include "services/sims/driver_settings.h"
#include "services/sims/drivers/driver.h"
#include "services/sims/drivers/list.h"

namespace mo::sims {
namespace {

constexpr absl::Duration kProbeTimeout = absl::Seconds(5);

// What a driver calls a setting, as a request's path.
std::string PathOf(const v1::Driver& driver, const std::string& setting) {
  static const auto& names = *new std::map<std::string, std::string>{
      {"whatsapp_cloud.sender_id", "phone_number_id"},
      {"whatsapp_cloud.business_id", "business_account_id"},
      {"telegram.access_token", "bot_token"},
      {"telegram.verify_token", "secret_token"},
      {"messenger.sender_id", "page_id"},
      {"messenger.access_token", "page_token"},
      {"sms_kannel.access_token", "password"},
      {"sms_kannel.verify_token", "callback_token"},
  };
  const std::string name = DriverNameOf(driver);
  const auto found = names.find(absl::StrCat(name, ".", setting));
  return absl::StrCat("sim.driver.", name, ".", found == names.end() ? setting : found->second);
}

// The setting that an answer to the probe is about; "" when the answer tells nothing of them.
std::string RefusedSetting(ErrorClass error, const DriverSettings& settings) {
  if (error == ErrorClass::kSimUnauthorized) return "access_token";
  // It knows who asks, but nobody of this id.
  if (error == ErrorClass::kMessageRefused && !settings.sender_id.empty()) return "sender_id";
  return "";
}

}  // namespace

CredentialProbe::CredentialProbe(App& app, http::PoolClient& client,
                                 std::function<void(http::ClientRequest& request)> guard)
    : guard_(std::move(guard)),
      client_(client),
      refused_(
          app.metrics().Counter("mo_sims_credentials_refused_total",
                                "Credentials that were not saved, for a provider refused them")),
      unchecked_(app.metrics().Counter(
          "mo_sims_credentials_unchecked_total",
          "Credentials that were saved although no provider could say whether they hold")) {}

absl::Status CredentialProbe::Check(const v1::Driver& driver, const std::string& address) {
  if (driver.settings_case() == v1::Driver::SETTINGS_NOT_SET) return absl::OkStatus();
  const DriverSettings settings = ToSettings(driver, address);
  MO_ASSIGN_OR_RETURN(const auto made, MakeDriver(settings));
  if (const absl::Status checked = made->CheckSettings(); !checked.ok()) {
    Problems problems;
    for (const FieldProblem& each : FieldProblemsOf(checked))
      problems.Add(PathOf(driver, each.field), each.reason, each.detail);
    return problems.empty() ? checked : problems.ToStatus();
  }
  std::optional<http::ClientRequest> request = made->Probe();
  if (!request) return absl::OkStatus();
  request->timeout = kProbeTimeout;
  guard_(*request);
  std::promise<absl::StatusOr<http::Response>> answer;
  client_.Fetch(*std::move(request), [&](const absl::StatusOr<http::Response>& response) {
    answer.set_value(response);
  });
  const absl::StatusOr<http::Response> response = answer.get_future().get();
  const ErrorClass error = response.ok() ? made->ParseProbe(*response) : ErrorClass::kRetry;
  if (error == ErrorClass::kNone) return absl::OkStatus();
  const std::string refused = RefusedSetting(error, settings);
  if (refused.empty()) {
    unchecked_.Increment();
    return absl::OkStatus();
  }
  refused_.Increment();
  return InvalidField(PathOf(driver, refused), "REFUSED_BY_PROVIDER",
                      "the provider does not take it");
}

}  // namespace mo::sims
