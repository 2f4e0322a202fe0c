// How a SIM with a provider leaves groups.
#include <future>

#include "services/sims/errors.h"
#include "services/sims/provider_session.h"

namespace mo::sims {
namespace {

// The provider has said so: no callback need follow.
constexpr char kForgetLeftGroup[] =
    "DELETE FROM sims.groups WHERE account_id = $1 AND sim_id = $2 AND group_id = $3";

}  // namespace

absl::StatusOr<v1::JoinOutcome> ProviderSession::JoinGroup(const std::string&, absl::Duration) {
  return v1::JOIN_OUTCOME_UNSUPPORTED;
}

absl::Status ProviderSession::LeaveGroup(const std::string& group_id, absl::Duration deadline) {
  std::optional<http::ClientRequest> request = driver_->LeaveGroup(group_id);
  if (!request) return NotSupported("this network lets no SIM leave a group");
  request->timeout = deadline;
  deps_.guard(*request);
  std::promise<absl::StatusOr<http::Response>> answer;
  deps_.client.Fetch(*std::move(request), [&](const absl::StatusOr<http::Response>& response) {
    answer.set_value(response);
  });
  const absl::StatusOr<http::Response> response = answer.get_future().get();
  if (!response.ok()) return ProviderUnavailable(response.status().message());
  const SendOutcome outcome = driver_->ParseResponse(*response);
  switch (outcome.error) {
    case ErrorClass::kNone:
    case ErrorClass::kGroupGone:  // it was not in it any more
    case ErrorClass::kRecipientGone:
      break;
    case ErrorClass::kRetry:
    case ErrorClass::kThrottled:
    case ErrorClass::kUnknownOutcome:
      return ProviderUnavailable(absl::StrCat("error ", outcome.code));
    default:
      return ProviderRefused(absl::StrCat("the provider refuses: error ", outcome.code));
  }
  return gateway_.database().As(account_id_, [&](storage::Transaction& tx) {
    return tx.Run(kForgetLeftGroup, account_id_, sim_id_, group_id);
  });
}

}  // namespace mo::sims
