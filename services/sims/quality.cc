#include "services/sims/quality.h"

#include <vector>

#include "libs/runtime/status.h"

namespace mo::sims {
namespace {

absl::Time HourOf(absl::Time time) {
  return absl::FromUnixSeconds(absl::ToUnixSeconds(time) / 3600 * 3600);
}

// SIMs that were deleted meanwhile have none. A SIM that nothing was known of is judged at once.
constexpr char kAddQuality[] =
    "WITH counted AS MATERIALIZED (SELECT n.* FROM unnest((SELECT $1::bigint[]), (SELECT "
    "$2::bigint[]), (SELECT $3::timestamptz[]), (SELECT $4::bigint[]), (SELECT $5::bigint[]), "
    "(SELECT $6::bigint[]), (SELECT $7::bigint[])) WITH ORDINALITY AS n (account_id, sim_id, hour, "
    "accepted, failed, blocked, refused, place) CROSS JOIN LATERAL (SELECT FROM sims.sims WHERE "
    "account_id = n.account_id AND id = n.sim_id LIMIT 1) AS s ORDER BY n.place), hours AS (INSERT "
    "INTO sims.quality AS q (account_id, sim_id, hour, accepted, failed, blocked, refused) SELECT "
    "account_id, sim_id, hour, accepted, failed, blocked, refused FROM counted ON CONFLICT "
    "(account_id, sim_id, hour) DO UPDATE SET accepted = q.accepted + excluded.accepted, failed = "
    "q.failed + excluded.failed, blocked = q.blocked + excluded.blocked, refused = q.refused + "
    "excluded.refused) INSERT INTO sims.judgements AS j (account_id, sim_id, since_accepted, "
    "since_failed, since_blocked, since_time, judge_time) SELECT account_id, sim_id, "
    "sum(accepted)::bigint, sum(failed)::bigint, sum(blocked)::bigint, $8, $8 FROM counted GROUP "
    "BY "
    "account_id, sim_id ORDER BY account_id, sim_id ON CONFLICT (account_id, sim_id) DO UPDATE SET "
    "since_accepted = j.since_accepted + excluded.since_accepted, since_failed = j.since_failed + "
    "excluded.since_failed, since_blocked = j.since_blocked + excluded.since_blocked, since_time = "
    "CASE WHEN j.judge_time IS NULL THEN $8 ELSE j.since_time END, judge_time = "
    "coalesce(j.judge_time, $8)";

constexpr int kForgottenHours = 1000;
constexpr char kForgetQuality[] =
    "DELETE FROM sims.quality WHERE ctid = ANY(ARRAY(SELECT ctid FROM sims.quality WHERE hour < $1 "
    "LIMIT 1000))";
constexpr char kDeleteQuality[] = "DELETE FROM sims.quality WHERE account_id = $1 AND sim_id = $2";
constexpr char kDeleteJudgement[] =
    "DELETE FROM sims.judgements WHERE account_id = $1 AND sim_id = $2";

}  // namespace

void Quality::Add(const QualityBySim& counts) {
  if (counts.empty()) return;
  const absl::Time hour = HourOf(clock_.Now());
  std::lock_guard lock(mutex_);
  for (const auto& [sim, each] : counts) {
    if (!each.empty()) gathered_[{sim.first, sim.second, hour}] += each;
  }
}

absl::Status Quality::Flush() {
  std::map<Key, QualityCounts> gathered;
  {
    std::lock_guard lock(mutex_);
    gathered.swap(gathered_);
  }
  if (gathered.empty()) return absl::OkStatus();
  std::vector<int64_t> accounts, sims, accepted, failed, blocked, refused;
  std::vector<absl::Time> hours;
  for (const auto& [key, counts] : gathered) {
    accounts.push_back(std::get<0>(key));
    sims.push_back(std::get<1>(key));
    hours.push_back(std::get<2>(key));
    accepted.push_back(counts.accepted);
    failed.push_back(counts.failed);
    blocked.push_back(counts.blocked);
    refused.push_back(counts.refused);
  }
  const absl::Status written = database_.AsSystem([&](storage::Transaction& tx) {
    return tx.Run(kAddQuality, accounts, sims, hours, accepted, failed, blocked, refused,
                  clock_.Now());
  });
  if (written.ok()) return written;
  std::lock_guard lock(mutex_);
  for (const auto& [key, counts] : gathered) gathered_[key] += counts;
  return written;
}

absl::StatusOr<bool> ForgetQuality(storage::Transaction& tx, absl::Time time) {
  MO_ASSIGN_OR_RETURN(storage::Result deleted, tx.Query(kForgetQuality, time));
  return deleted.affected() == kForgottenHours;
}

void DeleteQuality(storage::Transaction& tx, int64_t sim_id) {
  tx.Defer(kDeleteQuality, tx.account_id(), sim_id);
  tx.Defer(kDeleteJudgement, tx.account_id(), sim_id);
}

}  // namespace mo::sims
