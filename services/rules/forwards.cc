#include "services/rules/forwards.h"

#include <limits>

#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "libs/storage/page.h"
#include "services/rules/errors.h"
#include "services/rules/forwarding.h"

namespace mo::rules {
namespace {

constexpr absl::Duration kKept = absl::Hours(30 * 24);

}  // namespace

absl::StatusOr<v1::ListForwardsResponse> Forwards::List(const Caller& caller,
                                                        const v1::ListForwardsRequest& request) {
  const int32_t size = storage::PageSize(request.page_size());
  MO_ASSIGN_OR_RETURN(const int64_t before,
                      storage::PageKey(request.page_token(), std::numeric_limits<int64_t>::max()));
  const ForwardFilter filter{request.state(), IdOf(request.rule_id()), IdOf(request.message_id())};
  MO_ASSIGN_OR_RETURN(const std::vector<Forward> forwards,
                      database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
                        return SelectForwards(tx, filter, before, size + 1);
                      }));
  v1::ListForwardsResponse response;
  for (const Forward& forward : forwards) {
    if (response.forwards_size() == size) {
      response.set_next_page_token(
          storage::PageToken(IdOf(response.forwards(response.forwards_size() - 1).id())));
      break;
    }
    *response.add_forwards() = ShownForward(forward);
  }
  return response;
}

absl::StatusOr<v1::Forward> Forwards::Get(const Caller& caller,
                                          const v1::GetForwardRequest& request) {
  MO_ASSIGN_OR_RETURN(const Forward forward,
                      database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
                        return SelectForward(tx, IdOf(request.id()));
                      }));
  v1::Forward shown = ShownForward(forward);
  *shown.mutable_attempts() = forward.request.attempts();
  return shown;
}

absl::StatusOr<v1::Forward> Forwards::Retry(const Caller& caller,
                                            const v1::RetryForwardRequest& request) {
  absl::StatusOr<v1::Forward> retried = database_.Once<v1::Forward>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::Forward> {
        MO_ASSIGN_OR_RETURN(Forward forward, SelectForward(tx, IdOf(request.id()), /*lock=*/true));
        if (forward.state == v1::FORWARD_STATE_DELIVERED) return ForwardDelivered();
        const absl::Time now = app_.clock().Now();
        forward.state = v1::FORWARD_STATE_PENDING;
        forward.next_attempt_time = now;
        forward.expire_time = now + PatienceOf(forward);
        ReviveForward(tx, forward);
        return ShownForward(forward);
      });
  queue_.Kick();
  return retried;
}

absl::StatusOr<v1::RotateForwardSecretResponse> Forwards::Rotate(const Caller& caller) {
  // Not Once(): its kept answer would hold the secret. One more rotation harms nobody.
  MO_ASSIGN_OR_RETURN(const std::string secret,
                      database_.As(caller.account_id, [&](storage::Transaction& tx) {
                        return secrets_.Rotate(tx, 0);
                      }));
  v1::RotateForwardSecretResponse response;
  response.set_secret(ShownSecret(secret));
  return response;
}

absl::StatusOr<bool> Forwards::DeleteOld() {
  MO_ASSIGN_OR_RETURN(const int64_t deleted, database_.AsSystem([&](storage::Transaction& tx) {
    return DeleteForwards(tx, app_.clock().Now() - kKept);
  }));
  return deleted == 1000;
}

}  // namespace mo::rules
