#include "services/channels/broadcast_check.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/quiet_hours.h"
#include "libs/text/content.h"
#include "services/channels/channel_store.h"
#include "services/channels/personal.h"
#include "services/channels/resolve.h"

namespace mo::channels {
namespace {

constexpr absl::Duration kYear = absl::Hours(24 * 366);
// What a client's clock may be behind ours when it means "now".
constexpr absl::Duration kClockSkew = absl::Minutes(1);

namespace media_v1 = messageorganizer::media::v1;

using Texts = google::protobuf::RepeatedPtrField<std::string>;

void CheckKnown(const Texts& texts, const std::set<int64_t>& known, absl::string_view field,
                Problems& problems) {
  for (int i = 0; i < texts.size(); ++i) {
    if (known.count(IdOf(texts[i])) == 0) {
      problems.Add(absl::StrCat(field, "[", i, "]"), "NOT_FOUND",
                   "the account has none with this id");
    }
  }
}

}  // namespace

absl::Status BroadcastCheck::Content(const Caller& caller, const common::Content& content,
                                     const std::string& path, Problems& problems) {
  Problems of_words;
  text::CheckOutbound(content, path + "content", {"name"}, of_words);
  if (of_words.empty()) CheckPersonal(content, path + "content", of_words);
  for (const FieldProblem& problem : of_words.list()) {
    problems.Add(problem.field, problem.reason, problem.detail);
  }
  const text::FileIn file = text::FileOf(content);
  if (file.media_id.empty()) return absl::OkStatus();
  media_v1::GetMediaRequest get;
  get.set_id(file.media_id);
  const absl::Status known =
      media_.Call(&media_v1::MediaService::Stub::GetMedia, caller.WithKey(""), get).status();
  if (!absl::IsNotFound(known)) return known;
  problems.Add(absl::StrCat(path, "content", file.path), "NOT_FOUND",
               "the account has none with this id");
  return absl::OkStatus();
}

absl::Status BroadcastCheck::Audience(const Caller& caller, const v1::Audience& audience,
                                      const std::string& path, Problems& problems) {
  if (audience.channels().empty() && audience.contacts().empty()) {
    problems.Add(path + "audience", "REQUIRED", "at least one of channels and contacts is needed");
  }
  if (!audience.channels().empty()) {
    std::vector<int64_t> ids;
    for (const std::string& channel : audience.channels()) ids.push_back(IdOf(channel));
    MO_ASSIGN_OR_RETURN(const std::vector<int64_t> existing,
                        database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
                          return SelectExisting(tx, ids);
                        }));
    CheckKnown(audience.channels(), {existing.begin(), existing.end()}, path + "audience.channels",
               problems);
  }
  MO_RETURN_IF_ERROR(Contacts(caller, audience.contacts(), path + "audience.contacts", problems));
  return Contacts(caller, audience.exclude_contacts(), path + "audience.exclude_contacts",
                  problems);
}

absl::Status BroadcastCheck::Contacts(const Caller& caller, const Texts& contacts,
                                      absl::string_view field, Problems& problems) {
  std::vector<int64_t> ids;
  for (const std::string& text : contacts) ids.push_back(IdOf(text));
  MO_ASSIGN_OR_RETURN(const contacts_v1::ResolveContactsResponse resolved,
                      Resolve(contacts_, caller, ids));
  std::set<int64_t> known;
  for (const contacts_v1::ResolvedContact& contact : resolved.contacts()) {
    known.insert(contact.id());
  }
  CheckKnown(contacts, known, field, problems);
  return absl::OkStatus();
}

void BroadcastCheck::Times(const v1::Broadcast& broadcast, const std::string& path,
                           Problems& problems) const {
  const absl::Time now = app_.clock().Now();
  if (broadcast.has_send_time()) {
    const absl::Time start = FromProto(broadcast.send_time());
    if (start < now - kClockSkew) {
      problems.Add(path + "send_time", "IN_THE_PAST", "must not be in the past");
    } else if (start > now + kYear) {
      problems.Add(path + "send_time", "TOO_FAR", "must be at most a year ahead");
    }
  }
  if (broadcast.has_expire_time() &&
      FromProto(broadcast.expire_time()) <= StartOf(broadcast, now)) {
    problems.Add(path + "expire_time", "OUT_OF_RANGE", "must be in the future and after send_time");
  }
}

void BroadcastCheck::QuietHours(const v1::Broadcast& broadcast, const std::string& path,
                                Problems& problems) {
  if (!broadcast.has_quiet_hours()) return;
  CheckQuietHours(broadcast.quiet_hours(), path + "quiet_hours", problems);
  if (!broadcast.ignore_quiet_hours()) return;
  problems.Add(path + "ignore_quiet_hours", "CONFLICT", "not together with quiet_hours");
}

absl::Status BroadcastCheck::Tracking(const Caller& caller, const v1::Broadcast& broadcast,
                                      const std::string& path, Problems& problems) {
  if (!broadcast.track_links()) return absl::OkStatus();
  MO_RETURN_IF_ERROR(tracker_.Check(caller));
  CheckTracked(broadcast.content(), path + "track_links", problems);
  return absl::OkStatus();
}

absl::Time BroadcastCheck::StartOf(const v1::Broadcast& broadcast, absl::Time now) {
  // An absent send_time is long past.
  return std::max(now, FromProto(broadcast.send_time()));
}

}  // namespace mo::channels
