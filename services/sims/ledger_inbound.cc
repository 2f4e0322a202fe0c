#include "services/sims/ledger_inbound.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "libs/runtime/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "messageorganizer/sims/v1/events.pb.h"

namespace mo::sims {
namespace {

v1::InboundReceived MakeEvent(const LedgerWork& work, const v1::Inbound& inbound, int64_t id,
                              absl::Time now) {
  v1::InboundReceived event;
  event.set_sim_id(FormatId("sim", work.sim_id));
  event.set_network(work.network);
  event.set_provider_message_id(inbound.provider_message_id());
  event.set_sender_address(inbound.sender_address());
  event.set_sender_phone(inbound.sender_phone());
  event.set_sender_name(inbound.sender_name());
  event.set_group_id(inbound.group_id());
  *event.mutable_content() = inbound.content();
  *event.mutable_send_time() = ToProto(SendTime(inbound, now));
  *event.mutable_receive_time() = ToProto(now);
  event.set_inbound_id(id);
  event.set_start_payload(inbound.start_payload());
  return event;
}

// What a batch says of one group of a SIM, one thing after the other.
struct Membership {
  bool left = false;         // at some time
  bool in = false;           // in the end
  std::string display_name;  // the last one
  absl::Time join_time;      // of the first word since it was left
};

constexpr char kDeleteGroups[] =
    "DELETE FROM sims.groups g USING unnest((SELECT $1::bigint[]), (SELECT $2::bigint[]), (SELECT "
    "$3::text[])) AS n "
    "(account_id, sim_id, group_id) WHERE g.account_id = n.account_id AND g.sim_id = n.sim_id AND "
    "g.group_id = n.group_id";
constexpr char kUpsertGroups[] =
    "INSERT INTO sims.groups (account_id, sim_id, group_id, display_name, join_time) SELECT * FROM "
    "unnest((SELECT $1::bigint[]), (SELECT $2::bigint[]), (SELECT $3::text[]), (SELECT "
    "$4::text[]), (SELECT $5::timestamptz[])) ON CONFLICT "
    "(account_id, sim_id, group_id) DO UPDATE SET display_name = excluded.display_name";

}  // namespace

absl::Time SendTime(const v1::Inbound& inbound, absl::Time now) {
  if (!inbound.has_time()) return now;
  const absl::Time time = FromProto(inbound.time());
  if (inbound.time().nanos() != 0) return time;
  return std::max(time, std::min(now, time + absl::Milliseconds(999)));
}

absl::StatusOr<int> TellInbound(storage::Transaction& tx, events::Outbox& outbox,
                                const LedgerBatch& batch) {
  std::map<NameInSim, int64_t> fresh = batch.inbound;
  int told = 0;
  for (size_t i = 0; i < batch.works.size(); ++i) {
    if (!batch.live(i)) continue;
    const LedgerWork& work = batch.works[i];
    for (const v1::Inbound& inbound : work.inbound) {
      const auto found = fresh.find({work.account_id, work.sim_id, inbound.provider_message_id()});
      if (found == fresh.end()) continue;  // a duplicate: known already, or twice in this batch
      const v1::InboundReceived event = MakeEvent(work, inbound, found->second, batch.now);
      fresh.erase(found);
      MO_RETURN_IF_ERROR(outbox.Append(tx, work.account_id,
                                       absl::StrCat(event.sim_id(), "/", event.sender_address()),
                                       event, "", events::Urgency::kNow));
      ++told;
    }
  }
  return told;
}

void StoreGroups(storage::Transaction& tx, const LedgerBatch& batch) {
  std::map<NameInSim, Membership> memberships;
  for (size_t i = 0; i < batch.works.size(); ++i) {
    if (!batch.live(i)) continue;
    const LedgerWork& work = batch.works[i];
    for (const v1::GroupMembership& group : work.groups) {
      Membership& membership = memberships[{work.account_id, work.sim_id, group.group_id()}];
      membership.left = membership.left || group.left();
      if (!group.left() && !membership.in)
        membership.join_time = group.has_time() ? FromProto(group.time()) : batch.now;
      membership.in = !group.left();
      membership.display_name = group.display_name();
    }
  }
  struct Columns {
    std::vector<int64_t> accounts, sims;
    std::vector<std::string> groups;
    void Add(const NameInSim& id) {
      accounts.push_back(std::get<0>(id));
      sims.push_back(std::get<1>(id));
      groups.push_back(std::get<2>(id));
    }
  } left, in;
  std::vector<std::string> names;
  std::vector<absl::Time> times;
  for (const auto& [id, membership] : memberships) {
    if (membership.left) left.Add(id);
    if (!membership.in) continue;
    in.Add(id);
    names.push_back(membership.display_name);
    times.push_back(membership.join_time);
  }
  if (!left.sims.empty()) tx.Defer(kDeleteGroups, left.accounts, left.sims, left.groups);
  if (!in.sims.empty()) tx.Defer(kUpsertGroups, in.accounts, in.sims, in.groups, names, times);
}

}  // namespace mo::sims
