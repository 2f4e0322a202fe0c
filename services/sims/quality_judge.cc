#include "services/sims/quality_judge.h"

#include <cmath>
#include <vector>

#include "libs/runtime/status.h"
#include "services/sims/quality_rules.h"
#include "services/sims/sim_history.h"
#include "services/sims/sim_states.h"

namespace mo::sims {
namespace {

constexpr int kJudged = 200;  // SIMs in one transaction
constexpr absl::Duration kShown = absl::Hours(24);

// A SIM whose judgement is due.
struct Due {
  int64_t account_id;
  int64_t sim_id;
  QualityCounts since;
  absl::Time since_time;
  v1::SimState state;
  double speed;
  std::string rating;
  QualityCounts day;
};

constexpr char kSelectDue[] =
    "SELECT j.account_id, j.sim_id, j.since_accepted, j.since_failed, j.since_blocked, "
    "j.since_time, s.state, s.speed, s.network_rating, d.accepted, d.failed, d.blocked, d.refused "
    "FROM (SELECT * FROM sims.judgements WHERE judge_time <= $1 ORDER BY judge_time LIMIT $3 FOR "
    "NO "
    "KEY UPDATE SKIP LOCKED) AS j JOIN sims.sims s ON s.account_id = j.account_id AND s.id = "
    "j.sim_id CROSS JOIN LATERAL (SELECT coalesce(sum(accepted), 0)::bigint AS accepted, "
    "coalesce(sum(failed), 0)::bigint AS failed, coalesce(sum(blocked), 0)::bigint AS blocked, "
    "coalesce(sum(refused), 0)::bigint AS refused FROM sims.quality WHERE account_id = "
    "j.account_id "
    "AND sim_id = j.sim_id AND hour > $2) AS d ORDER BY j.account_id, j.sim_id";
absl::StatusOr<std::vector<Due>> SelectDue(storage::Transaction& tx, absl::Time now) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectDue, now, now - kShown, kJudged));
  std::vector<Due> due;
  for (const storage::Row row : rows) {
    due.push_back({row.Int(0),
                   row.Int(1),
                   {row.Int(2), row.Int(3), row.Int(4), 0},
                   row.Time(5),
                   static_cast<v1::SimState>(row.Int(6)),
                   row.Get<double>(7),
                   row.String(8),
                   {row.Int(9), row.Int(10), row.Int(11), row.Int(12)}});
  }
  return due;
}

// A SIM of which nothing is left to be said is due no more, until it sends again.
constexpr char kWriteJudged[] =
    "UPDATE sims.judgements j SET accepted = n.accepted, failed = n.failed, blocked = n.blocked, "
    "score = n.score / 1000.0, since_accepted = CASE WHEN n.forget = 1 THEN 0 ELSE "
    "j.since_accepted "
    "END, since_failed = CASE WHEN n.forget = 1 THEN 0 ELSE j.since_failed END, since_blocked = "
    "CASE "
    "WHEN n.forget = 1 THEN 0 ELSE j.since_blocked END, since_time = CASE WHEN n.forget = 1 THEN "
    "$8 "
    "ELSE j.since_time END, judge_time = CASE WHEN n.idle = 1 THEN NULL ELSE $9::timestamptz END "
    "FROM unnest((SELECT $1::bigint[]), (SELECT $2::bigint[]), (SELECT $3::bigint[]), (SELECT "
    "$4::bigint[]), (SELECT $5::bigint[]), (SELECT $6::bigint[]), (SELECT $7::bigint[]), (SELECT "
    "$10::bigint[])) AS n (account_id, sim_id, accepted, failed, blocked, score, forget, idle) "
    "WHERE "
    "j.account_id = n.account_id AND j.sim_id = n.sim_id";

// The columns of what is written.
struct Judged {
  std::vector<int64_t> accounts, sims, accepted, failed, blocked, score, forget, idle;

  void Add(const Due& due, const Verdict& verdict) {
    accounts.push_back(due.account_id);
    sims.push_back(due.sim_id);
    accepted.push_back(std::max<int64_t>(0, due.day.accepted));
    failed.push_back(std::max<int64_t>(0, due.day.failed + due.day.refused));
    blocked.push_back(std::max<int64_t>(0, due.day.blocked));
    score.push_back(std::llround(1000 * ScoreOf(due.day)));
    forget.push_back(verdict.forget ? 1 : 0);
    const bool silent = due.day.judged() == 0 && due.day.refused == 0;
    idle.push_back(silent && verdict.speed >= 1 ? 1 : 0);
  }
};

// What follows for the SIM; whether something does.
absl::StatusOr<bool> Execute(storage::Transaction& tx, events::Outbox& outbox, const Due& due,
                             const Verdict& verdict, absl::Time now) {
  switch (verdict.kind) {
    case Verdict::Kind::kNothing:
      return false;
    case Verdict::Kind::kPause:
      return ChangeState(
          tx, outbox, due.account_id, due.sim_id,
          {v1::SIM_STATE_PAUSED, StateActor::kQuality, "QUALITY", verdict.detail, ""}, now);
    case Verdict::Kind::kSlowDown:
    case Verdict::Kind::kSpeedUp:
      ChangeSpeed(tx, due.account_id, due.sim_id, verdict.speed,
                  verdict.kind == Verdict::Kind::kSlowDown ? "SLOWED_DOWN" : "SPED_UP",
                  verdict.detail, now);
      return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<bool> QualityJudge::RunOnce() {
  const absl::Time now = app_.clock().Now();
  std::vector<int64_t> changed;
  bool full = false;
  MO_RETURN_IF_ERROR(database_.AsSystem([&](storage::Transaction& tx) -> absl::Status {
    changed.clear();
    MO_ASSIGN_OR_RETURN(const std::vector<Due> due, SelectDue(tx, now));
    full = due.size() == kJudged;
    Judged judged;
    for (const Due& each : due) {
      Verdict verdict;
      verdict.speed = each.speed;
      // One that does not send is left as it is; nor is it measured.
      if (Sends(each.state))
        verdict = Judge(each.since, now - each.since_time, each.speed, each.rating == "RED");
      judged.Add(each, verdict);
      MO_ASSIGN_OR_RETURN(const bool done, Execute(tx, outbox_, each, verdict, now));
      if (done) changed.push_back(each.sim_id);
    }
    if (due.empty()) return absl::OkStatus();
    tx.Defer(kWriteJudged, judged.accounts, judged.sims, judged.accepted, judged.failed,
             judged.blocked, judged.score, judged.forget, now, now + interval_, judged.idle);
    return absl::OkStatus();
  }));
  for (const int64_t sim_id : changed) gateway_.Reconfigure(sim_id);
  return full;
}

}  // namespace mo::sims
