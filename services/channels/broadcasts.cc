#include "services/channels/broadcasts.h"

#include <limits>
#include <set>

#include "libs/runtime/field_mask.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "libs/storage/page.h"
#include "services/channels/errors.h"
#include "services/channels/expansion_store.h"
#include "services/channels/personal.h"

namespace mo::channels {

absl::StatusOr<v1::Broadcast> Broadcasts::Create(const Caller& caller,
                                                 const v1::CreateBroadcastRequest& request) {
  // Judged inside Once: what was accepted under an idempotency key stays so, whatever has gone
  // since.
  const absl::Status valid = check_.All(caller, request);
  const int64_t id = app_.ids().Next();
  const absl::Time now = app_.clock().Now();
  v1::Broadcast broadcast = BroadcastCheck::WantedOf(request);
  broadcast.set_id(FormatId("brd", id));
  *broadcast.mutable_create_time() = ToProto(now);
  std::optional<absl::Time> start;
  if (request.draft()) {
    broadcast.set_state(v1::BROADCAST_STATE_DRAFT);
  } else {
    start = BroadcastCheck::StartOf(broadcast, now);
    broadcast.set_state(*start > now ? v1::BROADCAST_STATE_SCHEDULED
                                     : v1::BROADCAST_STATE_EXPANDING);
    *broadcast.mutable_send_time() = ToProto(*start);
  }
  return database_.Once<v1::Broadcast>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::Broadcast> {
        MO_RETURN_IF_ERROR(valid);
        MO_RETURN_IF_ERROR(InsertBroadcast(tx, id, broadcast));
        MO_RETURN_IF_ERROR(InsertExpansion(tx, id, start));
        MO_RETURN_IF_ERROR(SaveState(tx, outbox_, {caller.account_id, id}, broadcast));
        if (start) starter_.Wake(tx);
        return broadcast;
      });
}

absl::StatusOr<v1::Broadcast> Broadcasts::Select(BroadcastKey key) {
  return database_.ReadAs(key.account_id,
                          [&](storage::Transaction& tx) { return SelectBroadcast(tx, key); });
}

absl::StatusOr<v1::Broadcast> Broadcasts::Get(const Caller& caller,
                                              const v1::GetBroadcastRequest& request) {
  return Select({caller.account_id, IdOf(request.id())});
}

absl::StatusOr<v1::ListBroadcastsResponse> Broadcasts::List(
    const Caller& caller, const v1::ListBroadcastsRequest& request) {
  const int32_t size = storage::PageSize(request.page_size());
  MO_ASSIGN_OR_RETURN(const int64_t before,
                      storage::PageKey(request.page_token(), std::numeric_limits<int64_t>::max()));
  MO_ASSIGN_OR_RETURN(std::vector<v1::Broadcast> broadcasts,
                      database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
                        return SelectBroadcasts(tx, before, size + 1, IdOf(request.series_id()));
                      }));
  v1::ListBroadcastsResponse response;
  if (broadcasts.size() > static_cast<size_t>(size)) {
    broadcasts.pop_back();
    response.set_next_page_token(storage::PageToken(IdOf(broadcasts.back().id())));
  }
  for (v1::Broadcast& broadcast : broadcasts) *response.add_broadcasts() = std::move(broadcast);
  return response;
}

// What is right by itself is found before the transaction, for other services are asked; how the
// times suit one another, inside.
absl::Status Broadcasts::CheckChange(const Caller& caller, const v1::Broadcast& wanted,
                                     const std::set<std::string>& fields) {
  Problems problems;
  if (fields.count("content") != 0) {
    MO_RETURN_IF_ERROR(check_.Content(caller, wanted.content(), "broadcast.", problems));
  }
  if (fields.count("audience") != 0) {
    MO_RETURN_IF_ERROR(check_.Audience(caller, wanted.audience(), "broadcast.", problems));
  }
  if (fields.count("track_links") != 0) {
    MO_RETURN_IF_ERROR(check_.Tracking(caller, wanted, "broadcast.", problems));
  }
  return problems.ToStatus();
}

absl::StatusOr<v1::Broadcast> Broadcasts::Update(const Caller& caller,
                                                 const v1::UpdateBroadcastRequest& request) {
  const v1::Broadcast& wanted = request.broadcast();
  const BroadcastKey key{caller.account_id, IdOf(wanted.id())};
  if (key.id == 0) return InvalidField("broadcast.id", "REQUIRED", "must not be empty");
  MO_ASSIGN_OR_RETURN(
      const std::set<std::string> fields,
      FieldsToUpdate(wanted, request.update_mask(),
                     {"content", "audience", "send_time", "expire_time", "quiet_hours",
                      "ignore_quiet_hours", "track_links", "link_utm"}));
  const absl::Status valid = CheckChange(caller, wanted, fields);
  return database_.Once<v1::Broadcast>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::Broadcast> {
        MO_ASSIGN_OR_RETURN(v1::Broadcast broadcast, LockBroadcast(tx, key));
        MO_RETURN_IF_ERROR(CheckNotBegun(broadcast.state()));
        MO_RETURN_IF_ERROR(CheckEtag(wanted.etag(), broadcast.etag()));
        MO_RETURN_IF_ERROR(valid);
        CopyFields(wanted, fields, broadcast);
        Problems problems;
        BroadcastCheck::QuietHours(broadcast, "broadcast.", problems);
        if (broadcast.track_links())
          CheckTracked(broadcast.content(), "broadcast.track_links", problems);
        MO_RETURN_IF_ERROR(problems.ToStatus());
        MO_RETURN_IF_ERROR(Retime(tx, key, fields, broadcast));
        MO_RETURN_IF_ERROR(ReplaceBroadcast(tx, key, broadcast));
        MO_RETURN_IF_ERROR(Publish(tx, outbox_, key, broadcast));
        return broadcast;
      });
}

absl::Status Broadcasts::Retime(storage::Transaction& tx, BroadcastKey key,
                                const std::set<std::string>& fields, v1::Broadcast& broadcast) {
  if (fields.count("send_time") + fields.count("expire_time") == 0) return absl::OkStatus();
  const bool scheduled = broadcast.state() == v1::BROADCAST_STATE_SCHEDULED;
  if (scheduled && !broadcast.has_send_time()) {
    return InvalidField("broadcast.send_time", "REQUIRED", "a scheduled broadcast has a time");
  }
  Problems problems;
  check_.Times(broadcast, "broadcast.", problems);
  MO_RETURN_IF_ERROR(problems.ToStatus());
  if (!scheduled) return absl::OkStatus();
  const absl::Time start = BroadcastCheck::StartOf(broadcast, app_.clock().Now());
  *broadcast.mutable_send_time() = ToProto(start);
  starter_.Wake(tx);
  return Reopen(tx, key, start);
}

absl::StatusOr<v1::Broadcast> Broadcasts::Send(const Caller& caller,
                                               const v1::SendBroadcastRequest& request) {
  const BroadcastKey key{caller.account_id, IdOf(request.id())};
  const absl::StatusOr<v1::Broadcast> draft = Select(key);
  // As when it was made: what it names may have gone since.
  absl::Status valid = draft.status();
  if (valid.ok()) {
    Problems problems;
    MO_RETURN_IF_ERROR(check_.Content(caller, draft->content(), "", problems));
    MO_RETURN_IF_ERROR(check_.Audience(caller, draft->audience(), "", problems));
    valid = problems.ToStatus();
  }
  return database_.Once<v1::Broadcast>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::Broadcast> {
        MO_ASSIGN_OR_RETURN(v1::Broadcast broadcast, LockBroadcast(tx, key));
        if (broadcast.state() != v1::BROADCAST_STATE_DRAFT) return BroadcastNotDraft();
        MO_RETURN_IF_ERROR(valid);
        const absl::Time now = app_.clock().Now();
        if (request.has_send_time()) {
          *broadcast.mutable_send_time() = request.send_time();
        } else if (FromProto(broadcast.send_time()) < now) {
          broadcast.clear_send_time();
        }
        Problems problems;
        check_.Times(broadcast, "", problems);
        MO_RETURN_IF_ERROR(problems.ToStatus());
        const absl::Time start = BroadcastCheck::StartOf(broadcast, now);
        *broadcast.mutable_send_time() = ToProto(start);
        broadcast.set_state(start > now ? v1::BROADCAST_STATE_SCHEDULED
                                        : v1::BROADCAST_STATE_EXPANDING);
        MO_RETURN_IF_ERROR(SaveState(tx, outbox_, key, broadcast));
        MO_RETURN_IF_ERROR(Reopen(tx, key, start));
        starter_.Wake(tx);
        return broadcast;
      });
}

absl::StatusOr<google::protobuf::Empty> Broadcasts::Delete(
    const Caller& caller, const v1::DeleteBroadcastRequest& request) {
  const BroadcastKey key{caller.account_id, IdOf(request.id())};
  return database_.Once<google::protobuf::Empty>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<google::protobuf::Empty> {
        MO_ASSIGN_OR_RETURN(const v1::Broadcast broadcast, LockBroadcast(tx, key));
        if (broadcast.state() != v1::BROADCAST_STATE_DRAFT) return BroadcastNotDraft();
        DeleteDraft(tx, key);
        MO_RETURN_IF_ERROR(Publish(tx, outbox_, key, broadcast, /*deleted=*/true));
        return google::protobuf::Empty();
      });
}

}  // namespace mo::channels
