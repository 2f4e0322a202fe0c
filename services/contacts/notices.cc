#include "services/contacts/notices.h"

#include <map>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "libs/runtime/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "libs/text/content.h"

namespace mo::contacts {
namespace {

namespace sims_v1 = messageorganizer::sims::v1;
using messageorganizer::common::v1::Content;

constexpr char kKeyPrefix[] = "rehome";
constexpr int32_t kBatch = 100;
constexpr absl::Duration kNoticeRetry = absl::Seconds(30);
// Who has not heard of it by then finds out.
constexpr absl::Duration kNoticeExpiry = absl::Hours(3 * 24);

// The placeholders of PoolSettings.rehome_notice.
void FillIn(const Notice& notice, Content& content) {
  const auto value = [&](absl::string_view name) -> absl::optional<std::string> {
    if (name == "name") return notice.display_name;
    if (name == "sim.address") return notice.sim_address;
    if (name == "sim.name") return notice.sim_display_name;
    return absl::nullopt;
  };
  text::VisitTexts(content, [&](const text::PersonalText& part) {
    const auto parsed = text::Template::Parse(*part.text, {"name", "sim.address", "sim.name"});
    if (parsed.ok()) *part.text = text::Cut(parsed->Render(value), part.limit);
  });
}

sims_v1::Dispatch DispatchOf(const Notice& notice, absl::Time now) {
  Content content;
  content.ParseFromString(notice.content);
  sims_v1::Dispatch dispatch;
  dispatch.set_key(DispatchKeyOf(notice.key));
  dispatch.set_sim_id(FormatId("sim", notice.sim_id));
  // Of many contacts at once: answers go first.
  dispatch.set_lane(sims_v1::LANE_BULK);
  dispatch.set_group(absl::StrCat(kKeyPrefix, "/", FormatId("sim", notice.sim_id)));
  FillIn(notice, content);
  *dispatch.mutable_content() = std::move(content);
  *dispatch.mutable_expire_time() = ToProto(now + kNoticeExpiry);
  sims_v1::Recipient& recipient = *dispatch.add_recipients();
  recipient.set_contact_id(notice.key.contact_id);
  recipient.set_address(notice.address);
  return dispatch;
}

// Whether asking again would give the same answer.
bool IsFinal(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsNotFound(status) ||
         absl::IsFailedPrecondition(status);
}

}  // namespace

std::string DispatchKeyOf(const NoticeKey& key) {
  return absl::StrCat(kKeyPrefix, "/", FormatId("con", key.contact_id), "/", key.event_id, "/",
                      key.attempt);
}

std::optional<NoticeKey> NoticeKeyOf(int64_t account_id, absl::string_view dispatch_key) {
  const std::vector<absl::string_view> parts = absl::StrSplit(dispatch_key, '/');
  if (parts.size() != 4 || parts[0] != kKeyPrefix) return std::nullopt;
  const auto contact = ParseId("con", parts[1]);
  NoticeKey key;
  if (!contact || !absl::SimpleAtoi(parts[2], &key.event_id) ||
      !absl::SimpleAtoi(parts[3], &key.attempt)) {
    return std::nullopt;
  }
  key.account_id = account_id;
  key.contact_id = *contact;
  return key;
}

absl::StatusOr<bool> Notices::RunOnce() {
  const absl::Time now = app_.clock().Now();
  MO_ASSIGN_OR_RETURN(const std::vector<Notice> due,
                      database_.AsSystem([&](storage::Transaction& tx) {
                        return TakeDueNotices(tx, now, now + kNoticeRetry, kBatch);
                      }));
  std::map<int64_t, std::vector<Notice>> wanted;
  std::vector<NoticeKey> unwanted;
  for (const Notice& notice : due) {
    if (notice.wanted) {
      wanted[notice.key.account_id].push_back(notice);
    } else {
      unwanted.push_back(notice.key);
    }
  }
  if (!unwanted.empty()) {
    MO_RETURN_IF_ERROR(database_.AsSystem([&](storage::Transaction& tx) {
      DeleteNotices(tx, unwanted);
      return absl::OkStatus();
    }));
  }
  absl::Status first_error;
  for (const auto& [account_id, notices] : wanted) first_error.Update(Submit(account_id, notices));
  if (!first_error.ok()) return first_error;
  return due.size() == kBatch;
}

absl::Status Notices::Submit(int64_t account_id, const std::vector<Notice>& notices) {
  const absl::Time now = app_.clock().Now();
  sims_v1::SubmitRequest request;
  std::vector<NoticeKey> keys;
  for (const Notice& notice : notices) {
    *request.add_dispatches() = DispatchOf(notice, now);
    keys.push_back(notice.key);
  }
  const absl::Status status = dispatches_
                                  .Call(MO_METHOD(sims_v1::DispatchService, Submit),
                                        ServiceCaller("contacts", account_id), request)
                                  .status();
  if (!status.ok() && !IsFinal(status)) return status;
  if (!status.ok() && notices.size() > 1) {
    // One of them is refused: each for itself.
    absl::Status first_error;
    for (const Notice& notice : notices) first_error.Update(Submit(account_id, {notice}));
    return first_error;
  }
  if (!status.ok()) {
    Log(LogLevel::kWarning, "a contact cannot be told of its new SIM",
        {{"contact", FormatId("con", keys[0].contact_id)},
         {"error", std::string(status.message())}});
  }
  return database_.AsSystem([&](storage::Transaction& tx) {
    status.ok() ? MarkNotices(tx, keys, now) : DeleteNotices(tx, keys);
    return absl::OkStatus();
  });
}

}  // namespace mo::contacts
