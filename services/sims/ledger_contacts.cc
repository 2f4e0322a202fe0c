#include "services/sims/ledger_contacts.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/runtime/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "messageorganizer/sims/v1/events.pb.h"

namespace mo::sims {
namespace {

#define MOVES                                                                          \
  "unnest((SELECT $1::bigint[]), (SELECT $2::bigint[]), (SELECT $3::text[]), (SELECT " \
  "$4::text[])) AS m (account_id, sim_id, old_address, new_address) "
// Who was written to until some time still is, wherever it has gone.
constexpr char kMoveWindows[] =
    "INSERT INTO sims.reply_windows AS w (account_id, sim_id, address, open_until) SELECT "
    "m.account_id, m.sim_id, m.new_address, max(o.open_until) FROM " MOVES
    "CROSS JOIN LATERAL (SELECT open_until FROM sims.reply_windows WHERE account_id = "
    "m.account_id AND sim_id = m.sim_id AND address = m.old_address LIMIT 1) AS o GROUP BY 1, 2, 3 "
    "ON CONFLICT (account_id, sim_id, address) DO UPDATE SET open_until = excluded.open_until "
    "WHERE w.open_until < excluded.open_until";
constexpr char kMoveGroups[] =
    "WITH moved AS (DELETE FROM sims.groups g USING " MOVES
    "WHERE g.account_id = m.account_id AND g.sim_id = m.sim_id AND g.group_id = m.old_address "
    "RETURNING g.account_id, g.sim_id, m.new_address, g.display_name, g.join_time) "
    "INSERT INTO sims.groups (account_id, sim_id, group_id, display_name, join_time) "
    "SELECT * FROM moved ON CONFLICT (account_id, sim_id, group_id) DO NOTHING";
#undef MOVES

}  // namespace

absl::Status TellConsents(storage::Transaction& tx, events::Outbox& outbox,
                          const LedgerBatch& batch) {
  // Of each kind the last: to want nothing is more than to want no marketing; and a stop that a
  // refused message tells, by our own clock, is no later word than the network's in that second.
  using Kind = std::tuple<NameInSim, bool, bool>;
  std::map<Kind, std::pair<const LedgerWork*, const ConsentNotice*>> last;
  for (size_t i = 0; i < batch.works.size(); ++i) {
    if (!batch.live(i)) continue;
    const LedgerWork& work = batch.works[i];
    for (const ConsentNotice& notice : work.consents) {
      auto& [of, said] = last[Kind{
          {work.account_id, work.sim_id, notice.address}, notice.marketing, notice.stopped}];
      if (said != nullptr && said->time > notice.time) continue;
      of = &work;
      said = &notice;
    }
  }
  std::vector<std::pair<const LedgerWork*, const ConsentNotice*>> words;
  for (const auto& [kind, word] : last) words.push_back(word);
  std::stable_sort(words.begin(), words.end(),
                   [](const auto& a, const auto& b) { return a.second->time < b.second->time; });
  for (const auto& [work, notice] : words) {
    v1::ConsentReported event;
    event.set_sim_id(FormatId("sim", work->sim_id));
    event.set_network(work->network);
    event.set_address(notice->address);
    event.set_stopped(notice->stopped);
    event.set_marketing(notice->marketing);
    *event.mutable_time() = ToProto(notice->time);
    MO_RETURN_IF_ERROR(outbox.Append(tx, work->account_id,
                                     absl::StrCat(event.sim_id(), "/", event.address()), event));
  }
  return absl::OkStatus();
}

absl::Status TellMoves(storage::Transaction& tx, events::Outbox& outbox, const LedgerBatch& batch) {
  std::set<std::pair<NameInSim, std::string>> told;
  std::vector<int64_t> accounts, sims;
  std::vector<std::string> from, to;
  for (size_t i = 0; i < batch.works.size(); ++i) {
    if (!batch.live(i)) continue;
    const LedgerWork& work = batch.works[i];
    for (const MoveNotice& notice : work.moved) {
      if (notice.old_address == notice.new_address ||
          !told.insert({{work.account_id, work.sim_id, notice.old_address}, notice.new_address})
               .second) {
        continue;
      }
      accounts.push_back(work.account_id);
      sims.push_back(work.sim_id);
      from.push_back(notice.old_address);
      to.push_back(notice.new_address);
      v1::AddressMoved event;
      event.set_sim_id(FormatId("sim", work.sim_id));
      event.set_network(work.network);
      event.set_old_address(notice.old_address);
      event.set_new_address(notice.new_address);
      MO_RETURN_IF_ERROR(outbox.Append(
          tx, work.account_id, absl::StrCat(event.sim_id(), "/", event.old_address()), event));
    }
  }
  if (sims.empty()) return absl::OkStatus();
  tx.Defer(kMoveWindows, accounts, sims, from, to);
  tx.Defer(kMoveGroups, accounts, sims, from, to);
  return absl::OkStatus();
}

}  // namespace mo::sims
