#include "services/sims/reply_windows.h"

#include <map>
#include <set>

#include "libs/runtime/clock.h"
#include "libs/runtime/status.h"

namespace mo::sims {
namespace {

constexpr char kFindOpen[] =
    "SELECT w.account_id, w.sim_id, w.address, o.open_until FROM unnest((SELECT $1::bigint[]), "
    "(SELECT "
    "$2::bigint[]), (SELECT $3::text[])) AS w (account_id, sim_id, address) "
    "CROSS JOIN LATERAL (SELECT open_until FROM sims.reply_windows WHERE account_id = "
    "w.account_id AND sim_id = w.sim_id AND address = w.address LIMIT 1) AS o "
    "WHERE o.open_until > $4";
constexpr char kUpsert[] =
    "INSERT INTO sims.reply_windows AS w (account_id, sim_id, address, open_until) SELECT * FROM "
    "unnest((SELECT $1::bigint[]), (SELECT $2::bigint[]), (SELECT $3::text[]), (SELECT "
    "$4::timestamptz[])) ON CONFLICT (account_id, sim_id, address) DO UPDATE SET open_until = "
    "excluded.open_until WHERE w.open_until < excluded.open_until";

// Until when each sender of the batch's messages may be written to. In the order of locks.
std::map<NameInSim, absl::Time> Opened(const LedgerBatch& batch) {
  std::map<NameInSim, absl::Time> opened;
  for (size_t i = 0; i < batch.works.size(); ++i) {
    const LedgerWork& work = batch.works[i];
    if (!batch.live(i) || work.reply_window == absl::ZeroDuration()) continue;
    for (const v1::Inbound& inbound : work.inbound) {
      if (!inbound.group_id().empty()) continue;
      // The network counts from its own time; a clock that is ahead of ours must not stretch it.
      const absl::Time said =
          inbound.has_time() ? std::min(FromProto(inbound.time()), batch.now) : batch.now;
      absl::Time& until = opened[{work.account_id, work.sim_id, inbound.sender_address()}];
      until = std::max(until, said + work.reply_window);
    }
  }
  return opened;
}

constexpr char kFindAnyOpen[] =
    "SELECT w.address FROM unnest((SELECT $3::text[])) AS w (address) CROSS JOIN LATERAL (SELECT "
    "open_until FROM sims.reply_windows WHERE account_id = $1 AND sim_id = $2 AND address = "
    "w.address LIMIT 1) AS o WHERE o.open_until > $4";

}  // namespace

absl::StatusOr<absl::flat_hash_set<std::string>> FindOpenWindows(
    storage::Database& database, int64_t account_id, int64_t sim_id,
    const std::vector<std::string>& addresses, absl::Time now) {
  using Found = absl::flat_hash_set<std::string>;
  return database.ReadAs(account_id, [&](storage::Transaction& tx) -> absl::StatusOr<Found> {
    MO_ASSIGN_OR_RETURN(storage::Result rows,
                        tx.Query(kFindAnyOpen, account_id, sim_id, addresses, now));
    Found found;
    for (const storage::Row row : rows) found.insert(row.String(0));
    return found;
  });
}

ReplyWindows::ReplyWindows(storage::Transaction& tx, const LedgerBatch& batch) {
  std::set<NameInSim> wanted;
  absl::Duration grace;
  for (const LedgerWork& work : batch.works) {
    for (const Window& window : work.windows) {
      grace = std::max(grace, window.reply_grace);
      for (const std::string& address : window.reply_addresses)
        wanted.insert({work.account_id, work.sim_id, address});
    }
  }
  if (wanted.empty()) return;
  std::vector<int64_t> accounts, sims;
  std::vector<std::string> addresses;
  for (const auto& [account_id, sim_id, address] : wanted) {
    accounts.push_back(account_id);
    sims.push_back(sim_id);
    addresses.push_back(address);
  }
  open_ = tx.Ask(kFindOpen, accounts, sims, addresses, batch.now - grace);
}

absl::Status ReplyWindows::Get(LedgerBatch& batch) {
  if (!open_) return absl::OkStatus();
  MO_ASSIGN_OR_RETURN(storage::Result rows, open_->Get());
  for (const storage::Row row : rows)
    batch.reply_open[{row.Int(0), row.Int(1), row.String(2)}] = row.Time(3);
  for (const auto& [name, until] : Opened(batch)) {
    absl::Time& open_until = batch.reply_open.try_emplace(name, until).first->second;
    open_until = std::max(open_until, until);
  }
  return absl::OkStatus();
}

void StoreReplyWindows(storage::Transaction& tx, const LedgerBatch& batch) {
  std::vector<int64_t> accounts, sims;
  std::vector<std::string> addresses;
  std::vector<absl::Time> times;
  for (const auto& [name, until] : Opened(batch)) {
    accounts.push_back(std::get<0>(name));
    sims.push_back(std::get<1>(name));
    addresses.push_back(std::get<2>(name));
    times.push_back(until);
  }
  if (!sims.empty()) tx.Defer(kUpsert, accounts, sims, addresses, times);
}

}  // namespace mo::sims
