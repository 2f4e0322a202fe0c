#include "services/sims/ledger_inbound.h"

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
  *event.mutable_send_time() = inbound.has_time() ? inbound.time() : ToProto(now);
  *event.mutable_receive_time() = ToProto(now);
  event.set_inbound_id(id);
  return event;
}

}  // namespace

constexpr char kInsertInbound[] =
    "INSERT INTO sims.inbound (account_id, sim_id, provider_message_id, id, receive_time) "
    "SELECT i.account_id, i.sim_id, i.provider_message_id, nextval('sims.inbound_id'), $4 "
    "FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS i (account_id, sim_id, "
    "provider_message_id) "
    "ON CONFLICT DO NOTHING RETURNING sim_id, provider_message_id, id";
absl::StatusOr<int> StoreInbound(storage::Transaction& tx, events::Outbox& outbox,
                                 const LedgerBatch& batch) {
  std::vector<int64_t> accounts, sims;
  std::vector<std::string> provider_ids;
  for (size_t i = 0; i < batch.works.size(); ++i) {
    if (!batch.live(i)) continue;
    for (const v1::Inbound& inbound : batch.works[i].inbound) {
      accounts.push_back(batch.works[i].account_id);
      sims.push_back(batch.works[i].sim_id);
      provider_ids.push_back(inbound.provider_message_id());
    }
  }
  if (sims.empty()) return 0;
  MO_ASSIGN_OR_RETURN(storage::Result rows,
                      tx.Query(kInsertInbound, accounts, sims, provider_ids, batch.now));
  std::map<std::pair<int64_t, std::string>, int64_t> fresh;
  for (const storage::Row row : rows) fresh[{row.Int(0), row.String(1)}] = row.Int(2);
  for (size_t i = 0; i < batch.works.size(); ++i) {
    if (!batch.live(i)) continue;
    for (const v1::Inbound& inbound : batch.works[i].inbound) {
      const auto found = fresh.find({batch.works[i].sim_id, inbound.provider_message_id()});
      if (found == fresh.end()) continue;  // a duplicate: known already, or twice in this batch
      const v1::InboundReceived event =
          MakeEvent(batch.works[i], inbound, found->second, batch.now);
      fresh.erase(found);
      MO_RETURN_IF_ERROR(outbox.Append(tx, batch.works[i].account_id,
                                       absl::StrCat(event.sim_id(), "/", event.sender_address()),
                                       event));
    }
  }
  return rows.size();
}

constexpr char kUpsertGroup[] =
    "INSERT INTO sims.groups (account_id, sim_id, group_id, display_name, join_time) VALUES ($1, "
    "$2, $3, $4, $5) "
    "ON CONFLICT (account_id, sim_id, group_id) DO UPDATE SET display_name = $4";
constexpr char kDeleteGroup[] =
    "DELETE FROM sims.groups WHERE account_id = $1 AND sim_id = $2 AND group_id = $3";
absl::Status StoreGroups(storage::Transaction& tx, const LedgerBatch& batch) {
  for (size_t i = 0; i < batch.works.size(); ++i) {
    if (!batch.live(i)) continue;
    const LedgerWork& work = batch.works[i];
    for (const v1::GroupMembership& group : work.groups) {
      if (group.left()) {
        MO_RETURN_IF_ERROR(tx.Run(kDeleteGroup, work.account_id, work.sim_id, group.group_id()));
      } else {
        MO_RETURN_IF_ERROR(tx.Run(kUpsertGroup, work.account_id, work.sim_id, group.group_id(),
                                  group.display_name(),
                                  group.has_time() ? FromProto(group.time()) : batch.now));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace mo::sims
