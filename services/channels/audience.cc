#include "services/channels/audience.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"

namespace mo::channels {
namespace {

// The first page is smaller, so that the first message leaves at once, but whole broadcasts of
// 10,000 fit into it. The later ones fill a dispatch for each of their SIMs, for most of a
// dispatch's cost does not depend on its size; larger ones only keep other accounts waiting.
constexpr int32_t kSmallestPage = 12000;
constexpr int32_t kLargestPage = 50000;
constexpr int32_t kRecipientsOfSim = 900;  // below kDispatchRecipients, for SIMs are not all alike
constexpr int kDispatchRecipients = 1000;
constexpr int kRequestDispatches = 100;
constexpr size_t kDispatchBytes = 2 << 20;
constexpr size_t kRequestBytes = 6 << 20;
constexpr size_t kPageBytes = 12 << 20;  // also of an answer of ResolveContacts; gRPC takes 16 MB
constexpr size_t kContactBytes = 256;    // a resolved contact without its values
constexpr size_t kValueBytes = 1030;     // the longest value

std::vector<int64_t> Ids(const google::protobuf::RepeatedPtrField<std::string>& texts) {
  std::vector<int64_t> ids;
  for (const std::string& text : texts) ids.push_back(IdOf(text));
  return ids;
}

common::DeliveryReason ReasonToSkip(const contacts_v1::ResolvedContact& contact) {
  if (contact.state() == contacts_v1::CONTACT_STATE_STOPPED) return common::DELIVERY_REASON_STOPPED;
  if (contact.state() != contacts_v1::CONTACT_STATE_ACTIVE) return common::DELIVERY_REASON_PENDING;
  if (contact.sim_id().empty()) return common::DELIVERY_REASON_NO_SIM;
  if (contact.address().empty()) return common::DELIVERY_REASON_ADDRESS_INVALID;
  return common::DELIVERY_REASON_UNSPECIFIED;
}

// Collects the recipients of a page into dispatches by SIM; with quiet hours by SIM and time zone.
class Dispatches {
 public:
  Dispatches(const v1::Broadcast& broadcast, int64_t page)
      : broadcast_(broadcast), prefix_(absl::StrCat(broadcast.id(), "/", page, "/")) {}

  void Add(const contacts_v1::ResolvedContact& contact, const std::vector<std::string>& values) {
    const bool quiet = broadcast_.has_applied_quiet_hours();
    Open& open = quiet ? open_[absl::StrCat(contact.sim_id(), "/", contact.time_zone())]
                       : open_[contact.sim_id()];
    if (open.dispatch == nullptr || open.dispatch->recipients_size() == kDispatchRecipients ||
        open.bytes > kDispatchBytes) {
      open.dispatch = request_.add_dispatches();
      open.dispatch->set_key(
          absl::StrCat(prefix_, IdOf(contact.sim_id()), "/", request_.dispatches_size()));
      open.dispatch->set_sim_id(contact.sim_id());
      if (quiet) SetQuietHours(contact, *open.dispatch);
      sims_.insert(contact.sim_id());
      open.bytes = 0;
    }
    sims_v1::Recipient& recipient = *open.dispatch->add_recipients();
    recipient.set_contact_id(contact.id());
    recipient.set_address(contact.address());
    for (const std::string& value : values) recipient.add_parameters(value);
    open.bytes += recipient.ByteSizeLong();
  }

  int32_t sims() const { return static_cast<int32_t>(sims_.size()); }

  std::optional<sims_v1::SubmitRequest> Take() {
    if (request_.dispatches().empty()) return std::nullopt;
    return std::move(request_);
  }

 private:
  struct Open {
    sims_v1::Dispatch* dispatch = nullptr;
    size_t bytes = 0;
  };
  void SetQuietHours(const contacts_v1::ResolvedContact& contact,
                     sims_v1::Dispatch& dispatch) const {
    *dispatch.mutable_quiet_hours() = broadcast_.applied_quiet_hours();
    if (contact.time_zone().empty()) return;  // the account's
    dispatch.mutable_quiet_hours()->set_time_zone(contact.time_zone());
  }
  const v1::Broadcast& broadcast_;
  const std::string prefix_;
  sims_v1::SubmitRequest request_;
  std::map<std::string, Open> open_;
  std::set<std::string> sims_;
};

}  // namespace

// Each channel's part is a stretch of its primary key.
constexpr char kNextSubscribers[] =
    "SELECT ARRAY(SELECT s.contact_id FROM channels.subscriptions s "
    "WHERE s.account_id = $1 AND s.channel_id = c.id AND s.contact_id > $3 "
    "ORDER BY s.contact_id LIMIT $4) "
    "FROM channels.channels c WHERE c.account_id = $1 AND c.id = ANY($2) AND c.delete_time IS NULL";
absl::StatusOr<Candidates> NextCandidates(storage::Transaction& tx, int64_t account_id,
                                          const v1::Audience& audience, int64_t after,
                                          int32_t limit) {
  // The planner must not prefer to sort a whole channel for one page of it.
  for (const char* setting : {"SET LOCAL enable_sort = off", "SET LOCAL enable_bitmapscan = off",
                              "SET LOCAL enable_seqscan = off"}) {
    tx.Defer(setting);
  }
  // From each channel a share of the page is read, not a page: what is read but belongs to later
  // pages is read again.
  const int32_t channels = std::max(audience.channels_size(), 1);
  const int32_t share = channels == 1 ? limit : std::clamp(2 * limit / channels, 50, limit);
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kNextSubscribers, account_id,
                                                     Ids(audience.channels()), after, share));
  // Up to here every channel has been read.
  int64_t bound = std::numeric_limits<int64_t>::max();
  Candidates candidates;
  std::vector<int64_t>& ids = candidates.ids;
  for (const storage::Row row : rows) {
    const auto part = row.Get<std::vector<int64_t>>(0);
    if (part.size() == static_cast<size_t>(share)) bound = std::min(bound, part.back());
    ids.insert(ids.end(), part.begin(), part.end());
  }
  candidates.complete = bound == std::numeric_limits<int64_t>::max();
  for (int64_t contact : Ids(audience.contacts())) {
    if (contact > after) ids.push_back(contact);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  ids.erase(std::upper_bound(ids.begin(), ids.end(), bound), ids.end());
  if (ids.size() > static_cast<size_t>(limit)) {
    ids.resize(static_cast<size_t>(limit));
    candidates.complete = false;
  }
  return candidates;
}

int32_t PageLimit(const Expansion& before, size_t parameters) {
  const size_t bytes = kContactBytes + parameters * kValueBytes;
  const int32_t full = std::min(before.sims, kLargestPage / kRecipientsOfSim) * kRecipientsOfSim;
  const int32_t limit = before.page == 0 ? kSmallestPage : std::max(full, kSmallestPage);
  return std::min(limit, static_cast<int32_t>(kPageBytes / bytes));
}

Page MakePage(const v1::Broadcast& broadcast, const Personal& personal, const Expansion& before,
              const Candidates& candidates, const contacts_v1::ResolveContactsResponse& known,
              const std::optional<tracking::PersonalLinks>& links) {
  Page page;
  page.after.page = before.page + 1;
  page.after.cursor = candidates.ids.empty() ? before.cursor : candidates.ids.back();
  page.after.complete = candidates.complete;
  page.after.source_token = candidates.source_token;
  page.after.resolved = before.resolved + static_cast<int64_t>(candidates.ids.size());
  page.after.skipped = before.skipped;
  page.after.skipped.resize(common::DeliveryReason_ARRAYSIZE);

  const std::vector<int64_t> excluded = Ids(broadcast.audience().exclude_contacts());
  const std::set<int64_t> exclusions(excluded.begin(), excluded.end());
  Dispatches dispatches(broadcast, page.after.page);
  auto next = known.contacts().begin();
  int64_t recipient = -1;
  for (int64_t id : candidates.ids) {
    ++recipient;
    while (next != known.contacts().end() && next->id() < id) ++next;
    common::DeliveryReason reason = common::DELIVERY_REASON_CONTACT_GONE;
    if (exclusions.count(id) != 0) {
      reason = common::DELIVERY_REASON_EXCLUDED;
    } else if (next != known.contacts().end() && next->id() == id) {
      reason = ReasonToSkip(*next);
    }
    if (reason == common::DELIVERY_REASON_UNSPECIFIED) {
      dispatches.Add(*next, links ? personal.ValuesOf(next->parameters(), links->Of(recipient))
                                  : personal.ValuesOf(next->parameters()));
      continue;
    }
    ++page.after.skipped[static_cast<size_t>(reason)];
    page.skipped_contacts.push_back(id);
    page.skipped_reasons.push_back(static_cast<int16_t>(reason));
  }
  page.after.sims = dispatches.sims();
  page.after.stored = dispatches.Take();
  return page;
}

Page Without(const Expansion& expansion, const std::set<std::string>& keys) {
  Page page;
  page.after = expansion;
  page.after.stored.reset();
  sims_v1::SubmitRequest rest;
  for (const sims_v1::Dispatch& dispatch : expansion.stored->dispatches()) {
    if (keys.count(dispatch.key()) == 0) {
      *rest.add_dispatches() = dispatch;
      continue;
    }
    for (const sims_v1::Recipient& recipient : dispatch.recipients()) {
      page.skipped_contacts.push_back(recipient.contact_id());
      page.skipped_reasons.push_back(static_cast<int16_t>(common::DELIVERY_REASON_NO_SIM));
    }
  }
  page.after.skipped[common::DELIVERY_REASON_NO_SIM] +=
      static_cast<int64_t>(page.skipped_contacts.size());
  if (!rest.dispatches().empty()) page.after.stored = std::move(rest);
  return page;
}

std::vector<sims_v1::SubmitRequest> RequestsOf(const v1::Broadcast& broadcast,
                                               const sims_v1::SubmitRequest& stored) {
  const Personal personal(broadcast.content(), broadcast.track_links());
  std::vector<sims_v1::SubmitRequest> requests;
  size_t bytes = 0;
  for (const sims_v1::Dispatch& part : stored.dispatches()) {
    sims_v1::Dispatch dispatch = part;
    dispatch.set_lane(sims_v1::LANE_BULK);
    dispatch.set_group(broadcast.id());
    *dispatch.mutable_content() = personal.content();
    for (const std::string& name : personal.names()) dispatch.add_parameter_names(name);
    if (broadcast.has_expire_time()) *dispatch.mutable_expire_time() = broadcast.expire_time();
    bytes += dispatch.ByteSizeLong();
    if (requests.empty() || bytes > kRequestBytes ||
        requests.back().dispatches_size() == kRequestDispatches) {
      requests.emplace_back();
      bytes = dispatch.ByteSizeLong();
    }
    *requests.back().add_dispatches() = std::move(dispatch);
  }
  return requests;
}

}  // namespace mo::channels
