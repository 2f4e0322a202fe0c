#include "services/channels/broadcasts.h"

#include <limits>
#include <set>

#include "absl/strings/str_cat.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "libs/storage/page.h"
#include "libs/text/content.h"
#include "services/channels/channel_store.h"
#include "services/channels/errors.h"
#include "services/channels/expansion_store.h"
#include "services/channels/personal.h"
#include "services/channels/states.h"

namespace mo::channels {
namespace {

constexpr absl::Duration kYear = absl::Hours(24 * 366);
// What a client's clock may be behind ours when it means "now".
constexpr absl::Duration kClockSkew = absl::Minutes(1);

namespace media_v1 = messageorganizer::media::v1;

using Texts = google::protobuf::RepeatedPtrField<std::string>;

std::vector<int64_t> Ids(const Texts& texts) {
  std::vector<int64_t> ids;
  for (const std::string& text : texts) ids.push_back(IdOf(text));
  return ids;
}

void CheckKnown(const Texts& texts, const std::set<int64_t>& known, absl::string_view field,
                Problems& problems) {
  for (int i = 0; i < texts.size(); ++i) {
    if (known.count(IdOf(texts[i])) == 0) {
      problems.Add(absl::StrCat(field, "[", i, "]"), "NOT_FOUND",
                   "the account has none with this id");
    }
  }
}

void CheckTimes(const v1::CreateBroadcastRequest& request, absl::Time now, Problems& problems) {
  absl::Time start = now;
  if (request.has_send_time()) {
    start = FromProto(request.send_time());
    if (start < now - kClockSkew) {
      problems.Add("send_time", "IN_THE_PAST", "must not be in the past");
    } else if (start > now + kYear) {
      problems.Add("send_time", "TOO_FAR", "must be at most a year ahead");
    }
  }
  if (request.has_expire_time() && FromProto(request.expire_time()) <= std::max(start, now)) {
    problems.Add("expire_time", "OUT_OF_RANGE", "must be in the future and after send_time");
  }
}

}  // namespace

absl::Status Broadcasts::CheckAudience(const Caller& caller, const v1::Audience& audience,
                                       Problems& problems) {
  if (audience.channels().empty() && audience.contacts().empty()) {
    problems.Add("audience", "REQUIRED", "at least one of channels and contacts is needed");
  }
  if (!audience.channels().empty()) {
    MO_ASSIGN_OR_RETURN(const std::vector<int64_t> existing,
                        database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
                          return SelectExisting(tx, Ids(audience.channels()));
                        }));
    CheckKnown(audience.channels(), {existing.begin(), existing.end()}, "audience.channels",
               problems);
  }
  contacts_v1::ResolveContactsRequest resolve;
  for (const Texts* texts : {&audience.contacts(), &audience.exclude_contacts()}) {
    for (const std::string& text : *texts) resolve.add_contact_ids(IdOf(text));
  }
  if (resolve.contact_ids().empty()) return absl::OkStatus();
  MO_ASSIGN_OR_RETURN(const contacts_v1::ResolveContactsResponse resolved,
                      contacts_.Call(&contacts_v1::ContactService::Stub::ResolveContacts,
                                     caller.WithKey(""), resolve));
  std::set<int64_t> known;
  for (const contacts_v1::ResolvedContact& contact : resolved.contacts())
    known.insert(contact.id());
  CheckKnown(audience.contacts(), known, "audience.contacts", problems);
  CheckKnown(audience.exclude_contacts(), known, "audience.exclude_contacts", problems);
  return absl::OkStatus();
}

absl::Status Broadcasts::CheckMedia(const Caller& caller,
                                    const messageorganizer::common::v1::Content& content,
                                    Problems& problems) {
  if (content.media().media_id().empty()) return absl::OkStatus();
  media_v1::GetMediaRequest get;
  get.set_id(content.media().media_id());
  const absl::Status known =
      media_.Call(&media_v1::MediaService::Stub::GetMedia, caller.WithKey(""), get).status();
  if (!absl::IsNotFound(known)) return known;
  problems.Add("content.media.media_id", "NOT_FOUND", "the account has none with this id");
  return absl::OkStatus();
}

absl::Status Broadcasts::Check(const Caller& caller, const v1::CreateBroadcastRequest& request) {
  Problems problems;
  text::CheckOutbound(request.content(), "content", {"name"}, problems);
  if (problems.empty()) CheckPersonal(request.content(), "content", problems);
  CheckTimes(request, app_.clock().Now(), problems);
  MO_RETURN_IF_ERROR(CheckMedia(caller, request.content(), problems));
  MO_RETURN_IF_ERROR(CheckAudience(caller, request.audience(), problems));
  return problems.ToStatus();
}

absl::StatusOr<v1::Broadcast> Broadcasts::Create(const Caller& caller,
                                                 const v1::CreateBroadcastRequest& request) {
  // Judged inside Once: what was accepted under an idempotency key stays so, whatever has gone
  // since.
  const absl::Status valid = Check(caller, request);
  const int64_t id = app_.ids().Next();
  const absl::Time now = app_.clock().Now();
  const absl::Time start =
      request.has_send_time() ? std::max(now, FromProto(request.send_time())) : now;
  v1::Broadcast broadcast;
  broadcast.set_id(FormatId("brd", id));
  *broadcast.mutable_content() = request.content();
  *broadcast.mutable_audience() = request.audience();
  broadcast.set_state(start > now ? v1::BROADCAST_STATE_SCHEDULED : v1::BROADCAST_STATE_EXPANDING);
  *broadcast.mutable_send_time() = ToProto(start);
  if (request.has_expire_time()) *broadcast.mutable_expire_time() = request.expire_time();
  *broadcast.mutable_create_time() = ToProto(now);
  return database_.Once<v1::Broadcast>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::Broadcast> {
        MO_RETURN_IF_ERROR(valid);
        MO_RETURN_IF_ERROR(InsertBroadcast(tx, id, broadcast));
        MO_RETURN_IF_ERROR(InsertExpansion(tx, id, start));
        MO_RETURN_IF_ERROR(SaveState(tx, outbox_, {caller.account_id, id}, broadcast));
        tx.AfterCommit(kick_);
        return broadcast;
      });
}

absl::StatusOr<v1::Broadcast> Broadcasts::Get(const Caller& caller,
                                              const v1::GetBroadcastRequest& request) {
  return database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
    return SelectBroadcast(tx, {caller.account_id, IdOf(request.id())});
  });
}

absl::StatusOr<v1::ListBroadcastsResponse> Broadcasts::List(
    const Caller& caller, const v1::ListBroadcastsRequest& request) {
  const int32_t size = storage::PageSize(request.page_size());
  MO_ASSIGN_OR_RETURN(const int64_t before,
                      storage::PageKey(request.page_token(), std::numeric_limits<int64_t>::max()));
  MO_ASSIGN_OR_RETURN(std::vector<v1::Broadcast> broadcasts,
                      database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
                        return SelectBroadcasts(tx, before, size + 1);
                      }));
  v1::ListBroadcastsResponse response;
  if (broadcasts.size() > static_cast<size_t>(size)) {
    broadcasts.pop_back();
    response.set_next_page_token(storage::PageToken(IdOf(broadcasts.back().id())));
  }
  for (v1::Broadcast& broadcast : broadcasts) *response.add_broadcasts() = std::move(broadcast);
  return response;
}

absl::StatusOr<v1::Broadcast> Broadcasts::Steer(const Caller& caller,
                                                const google::protobuf::Message& request,
                                                const std::string& id,
                                                sims_v1::GroupControl control,
                                                const Change& change) {
  const BroadcastKey key{caller.account_id, IdOf(id)};
  bool changed = false;
  MO_ASSIGN_OR_RETURN(
      const v1::Broadcast steered,
      database_.Once<v1::Broadcast>(
          caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::Broadcast> {
            MO_ASSIGN_OR_RETURN(v1::Broadcast broadcast, LockBroadcast(tx, key));
            MO_ASSIGN_OR_RETURN(changed, change(tx, broadcast));
            if (!changed) return broadcast;
            MO_RETURN_IF_ERROR(SetControl(tx, key, control));
            MO_RETURN_IF_ERROR(SaveState(tx, outbox_, key, broadcast));
            return broadcast;
          }));
  if (!changed) return steered;
  const absl::Status pushed = controls_.Push(key);
  if (!pushed.ok()) {
    Log(LogLevel::kWarning, "a broadcast's control will be pushed later",
        {{"broadcast", id}, {"error", std::string(pushed.message())}});
  }
  return steered;
}

absl::StatusOr<v1::Broadcast> Broadcasts::Pause(const Caller& caller,
                                                const v1::PauseBroadcastRequest& request) {
  return Steer(caller, request, request.id(), sims_v1::GROUP_CONTROL_PAUSE,
               [](storage::Transaction&, v1::Broadcast& broadcast) -> absl::StatusOr<bool> {
                 if (IsFinished(broadcast.state())) return BroadcastFinished();
                 if (broadcast.state() == v1::BROADCAST_STATE_PAUSED) return false;
                 broadcast.set_state(v1::BROADCAST_STATE_PAUSED);
                 return true;
               });
}

absl::StatusOr<v1::Broadcast> Broadcasts::Resume(const Caller& caller,
                                                 const v1::ResumeBroadcastRequest& request) {
  const BroadcastKey key{caller.account_id, IdOf(request.id())};
  const auto change = [&](storage::Transaction& tx,
                          v1::Broadcast& broadcast) -> absl::StatusOr<bool> {
    if (IsFinished(broadcast.state())) return BroadcastFinished();
    if (broadcast.state() != v1::BROADCAST_STATE_PAUSED) return false;
    MO_ASSIGN_OR_RETURN(const Expansion expansion, SelectExpansion(tx, key));
    const absl::Time now = app_.clock().Now();
    absl::Time due = FromProto(broadcast.send_time());
    if (due > now) {
      broadcast.set_state(v1::BROADCAST_STATE_SCHEDULED);
    } else if (expansion.complete && !expansion.stored) {
      broadcast.set_state(v1::BROADCAST_STATE_SENDING);
    } else {
      // One that has never begun begins now.
      if (expansion.page == 0) *broadcast.mutable_send_time() = ToProto(now);
      broadcast.set_state(v1::BROADCAST_STATE_EXPANDING);
      due = now;
    }
    MO_RETURN_IF_ERROR(Reopen(tx, key, due));
    tx.AfterCommit(kick_);
    return true;
  };
  return Steer(caller, request, request.id(), sims_v1::GROUP_CONTROL_RUN, change);
}

absl::StatusOr<v1::Broadcast> Broadcasts::Cancel(const Caller& caller,
                                                 const v1::CancelBroadcastRequest& request) {
  return Steer(caller, request, request.id(), sims_v1::GROUP_CONTROL_CANCEL,
               [&](storage::Transaction&, v1::Broadcast& broadcast) -> absl::StatusOr<bool> {
                 if (IsFinished(broadcast.state())) return false;
                 broadcast.set_state(v1::BROADCAST_STATE_CANCELED);
                 *broadcast.mutable_finish_time() = ToProto(app_.clock().Now());
                 return true;
               });
}

}  // namespace mo::channels
