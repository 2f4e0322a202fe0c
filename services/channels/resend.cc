#include "services/channels/resend.h"

#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "services/channels/errors.h"
#include "services/channels/expansion_store.h"

namespace mo::channels {

absl::StatusOr<v1::Broadcast> Resend::Latest(BroadcastKey key) {
  return database_.As(
      key.account_id, [&](storage::Transaction& tx) -> absl::StatusOr<v1::Broadcast> {
        MO_ASSIGN_OR_RETURN(v1::Broadcast latest, SelectBroadcast(tx, key));
        for (;;) {
          MO_ASSIGN_OR_RETURN(std::optional<v1::Broadcast> next,
                              SelectResend(tx, {key.account_id, IdOf(latest.id())}));
          if (!next) return latest;
          latest = *std::move(next);
        }
      });
}

absl::StatusOr<bool> Resend::NeedsResend(const Caller& caller,
                                         const v1::ResendFailedRequest& request,
                                         const v1::Broadcast& latest) {
  const bool first = latest.id() == request.id();
  if (!IsFinished(latest.state())) {
    return first ? absl::StatusOr<bool>(BroadcastNotFinished()) : false;
  }
  MO_ASSIGN_OR_RETURN(const v1::Ledger ledger,
                      ledgers_.Read(caller, {caller.account_id, IdOf(latest.id())}));
  if (ledger.counts().failed() > 0) return true;
  return first ? absl::StatusOr<bool>(NothingFailed()) : false;
}

absl::StatusOr<v1::Broadcast> Resend::Failed(const Caller& caller,
                                             const v1::ResendFailedRequest& request) {
  MO_ASSIGN_OR_RETURN(const v1::Broadcast latest, Latest({caller.account_id, IdOf(request.id())}));
  const absl::StatusOr<bool> needed = NeedsResend(caller, request, latest);
  const int64_t id = app_.ids().Next();
  const absl::Time now = app_.clock().Now();
  v1::Broadcast resend;
  resend.set_id(FormatId("brd", id));
  *resend.mutable_content() = latest.content();
  resend.mutable_audience();
  if (latest.has_quiet_hours()) *resend.mutable_quiet_hours() = latest.quiet_hours();
  resend.set_ignore_quiet_hours(latest.ignore_quiet_hours());
  resend.set_track_links(latest.track_links());
  if (latest.has_link_utm()) *resend.mutable_link_utm() = latest.link_utm();
  resend.set_state(v1::BROADCAST_STATE_EXPANDING);
  *resend.mutable_send_time() = ToProto(now);
  *resend.mutable_create_time() = ToProto(now);
  resend.set_resend_of(latest.id());
  return database_.Once<v1::Broadcast>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::Broadcast> {
        MO_RETURN_IF_ERROR(needed.status());
        if (!*needed) return latest;
        // One at a time: another call may have made it meanwhile.
        const BroadcastKey source{caller.account_id, IdOf(latest.id())};
        MO_RETURN_IF_ERROR(LockBroadcast(tx, source).status());
        MO_ASSIGN_OR_RETURN(std::optional<v1::Broadcast> other, SelectResend(tx, source));
        if (other) return *std::move(other);
        MO_RETURN_IF_ERROR(InsertBroadcast(tx, id, resend));
        MO_RETURN_IF_ERROR(InsertExpansion(tx, id, now));
        MO_RETURN_IF_ERROR(SaveState(tx, outbox_, {caller.account_id, id}, resend));
        starter_.Wake(tx);
        return resend;
      });
}

}  // namespace mo::channels
