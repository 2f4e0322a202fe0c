#include "services/sims/sim_history.h"

#include "libs/runtime/clock.h"
#include "libs/runtime/status.h"

namespace mo::sims {

constexpr char kAddHistory[] =
    "INSERT INTO sims.history (account_id, sim_id, time, state, code, detail, actor, speed) VALUES "
    "($1, $2, $3, $4::int, $5, $6, $7, $8)";
void AddHistory(storage::Transaction& tx, int64_t account_id, int64_t sim_id,
                const HistoryEntry& entry) {
  tx.Defer(kAddHistory, account_id, sim_id, entry.time, static_cast<int32_t>(entry.state),
           entry.code, entry.detail, entry.actor, entry.speed);
}

// A provider brings a callback again that it has no answer to.
constexpr char kNoteHistory[] =
    "INSERT INTO sims.history (account_id, sim_id, time, state, code, detail, actor, speed) SELECT "
    "$1, $2, $3, state, $4, $5, '', speed FROM sims.sims WHERE account_id = $1 AND id = $2 AND NOT "
    "EXISTS (SELECT FROM sims.history WHERE account_id = $1 AND sim_id = $2 AND time = $3 AND code "
    "= $4 AND detail = $5)";
void NoteHistory(storage::Transaction& tx, int64_t account_id, int64_t sim_id, absl::Time time,
                 const std::string& code, const std::string& detail) {
  tx.Defer(kNoteHistory, account_id, sim_id, time, code, detail);
}

constexpr char kChangeSpeed[] =
    "WITH sim AS (UPDATE sims.sims SET speed = $3, version = version + 1 WHERE account_id = $1 AND "
    "id = $2 AND speed <> $3 RETURNING state) INSERT INTO sims.history (account_id, sim_id, time, "
    "state, code, detail, actor, speed) SELECT $1, $2, $6, state, $4, $5, '', $3 FROM sim";
void ChangeSpeed(storage::Transaction& tx, int64_t account_id, int64_t sim_id, double speed,
                 const std::string& code, const std::string& detail, absl::Time now) {
  tx.Defer(kChangeSpeed, account_id, sim_id, speed, code, detail, now);
}

constexpr char kSelectHistory[] =
    "SELECT id, time, state, code, detail, actor, speed FROM sims.history WHERE account_id = $1 "
    "AND "
    "sim_id = $2 AND id < $3 ORDER BY id DESC LIMIT $4";
absl::StatusOr<HistoryPage> SelectHistory(storage::Transaction& tx, int64_t sim_id, int64_t before,
                                          int32_t limit) {
  MO_ASSIGN_OR_RETURN(storage::Result rows,
                      tx.Query(kSelectHistory, tx.account_id(), sim_id, before, limit + 1));
  HistoryPage page;
  int64_t last = 0;
  for (const storage::Row row : rows) {
    if (page.entries.size() == static_cast<size_t>(limit)) {
      page.next = last;
      break;
    }
    last = row.Int(0);
    v1::SimHistoryEntry entry;
    *entry.mutable_time() = ToProto(row.Time(1));
    entry.set_state(static_cast<v1::SimState>(row.Int(2)));
    entry.set_code(row.String(3));
    entry.set_detail(row.String(4));
    entry.set_actor(row.String(5));
    entry.set_speed(row.Get<double>(6));
    page.entries.push_back(std::move(entry));
  }
  return page;
}

constexpr int kForgotten = 1000;
constexpr char kForgetHistory[] =
    "DELETE FROM sims.history WHERE ctid = ANY(ARRAY(SELECT ctid FROM sims.history WHERE time < $1 "
    "LIMIT 1000))";
absl::StatusOr<bool> ForgetHistory(storage::Transaction& tx, absl::Time time) {
  MO_ASSIGN_OR_RETURN(storage::Result deleted, tx.Query(kForgetHistory, time));
  return deleted.affected() == kForgotten;
}

}  // namespace mo::sims
