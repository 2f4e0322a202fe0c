#include "services/sims/allocation.h"

#include <map>
#include <numeric>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"
#include "libs/runtime/errors.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "services/sims/calling_codes.h"
#include "services/sims/errors.h"

namespace mo::sims {
namespace {

// How often a place may be snatched away between looking and taking before the pool counts as busy.
constexpr int kTries = 1000;
constexpr size_t kBatch = 64;     // allocations in one transaction
constexpr size_t kLimit = 10000;  // that may wait

v1::AllocateResponse FromRow(const storage::Row& row) {
  v1::AllocateResponse response;
  response.set_sim_id(FormatId("sim", row.Int(0)));
  response.set_address(row.String(1));
  response.set_display_name(row.String(2));
  return response;
}

// The contact's place, else one on the SIM that the account's strategy for the network prefers: a
// number ($6, its calling code having $7 digits) with the longest beginning in common, the oldest,
// the least filled by share of its capacity. A contact that wrote to a draining SIM stays with it
// ($4 names one). The condition is checked again on the locked row: this is what keeps a SIM from
// being over-full; what was snatched away meanwhile is a row of NULLs. No row: there is no room.
constexpr char kPlace[] =
    "WITH known AS MATERIALIZED (SELECT s.id, s.address, s.display_name FROM sims.allocations a "
    "JOIN sims.sims s ON s.account_id = a.account_id AND s.id = a.sim_id WHERE a.account_id = $1 "
    "AND a.contact_id = $2), settings AS MATERIALIZED (SELECT coalesce((SELECT strategies[$3] FROM "
    "sims.pool_settings WHERE account_id = $1), 1) AS strategy), candidate AS MATERIALIZED (SELECT "
    "s.id FROM sims.sims s, settings WHERE (SELECT count(*) FROM known) = 0 AND s.account_id = $1 "
    "AND s.network = $3 AND s.occupancy < s.capacity AND CASE WHEN $4 = 0 THEN s.state = 1 ELSE "
    "s.id "
    "= $4 AND s.state <> 4 END ORDER BY CASE WHEN strategy = 3 AND $7 > 0 AND "
    "left(ltrim(s.address, "
    "'+'), $7) = left($6, $7) THEN (SELECT -count(*) FROM generate_series(1, length($6)) AS n "
    "WHERE "
    "left(ltrim(s.address, '+'), n) = left($6, n)) ELSE 0 END, CASE WHEN strategy = 2 THEN "
    "extract(epoch FROM s.create_time) ELSE s.occupancy::double precision / s.capacity END, s.id "
    "LIMIT 1), taken AS (UPDATE sims.sims s SET occupancy = s.occupancy + 1 FROM candidate c WHERE "
    "s.account_id = $1 AND s.id = c.id AND s.occupancy < s.capacity AND (s.state = 1 OR $4 <> 0) "
    "RETURNING s.id, s.address, s.display_name), placed AS (INSERT INTO sims.allocations "
    "(account_id, contact_id, sim_id, create_time) SELECT $1, $2, id, $5 FROM taken) SELECT id, "
    "address, display_name FROM known UNION ALL SELECT t.id, t.address, t.display_name FROM "
    "candidate LEFT JOIN taken t ON true";

constexpr char kDeleteAllocation[] =
    "WITH gone AS (DELETE FROM sims.allocations WHERE account_id = $1 AND contact_id = $2 "
    "RETURNING sim_id) "
    "UPDATE sims.sims SET occupancy = occupancy - 1 FROM gone WHERE account_id = $1 AND id = "
    "gone.sim_id";

constexpr char kUpsertSuppression[] =
    "INSERT INTO sims.suppressions (account_id, contact_id, suppressed, version) VALUES ($1, $2, "
    "$3, $4) "
    "ON CONFLICT (account_id, contact_id) DO UPDATE SET suppressed = $3, version = $4 "
    "WHERE sims.suppressions.version <= $4";

// The digits of an international number; "" of anything else, which no SIM has something in common
// with.
std::string InternationalDigits(absl::string_view phone) {
  if (!absl::ConsumePrefix(&phone, "+") || phone.size() > 15) return "";
  if (!absl::c_all_of(phone, absl::ascii_isdigit)) return "";
  return std::string(phone);
}

}  // namespace

Allocation::Allocation(App& app, storage::Database& database)
    : app_(app),
      database_(database),
      wishes_(kBatch, kLimit, [this](std::vector<Wish> wishes) { Fulfil(wishes); }) {}

absl::StatusOr<v1::AllocateResponse> Allocation::Allocate(const Caller& caller,
                                                          const v1::AllocateRequest& request) {
  std::promise<Answer> answer;
  std::future<Answer> answered = answer.get_future();
  if (!wishes_.Add({caller.account_id, &request, &answer}))
    return absl::UnavailableError("the service is stopping");
  return answered.get();
}

void Allocation::Fulfil(const std::vector<Wish>& wishes) {
  std::map<int64_t, std::vector<Wish>> accounts;
  for (const Wish& wish : wishes) accounts[wish.account_id].push_back(wish);
  for (const auto& [account_id, own] : accounts) {
    absl::StatusOr<std::vector<Answer>> answers = TakePlaces(own);
    for (size_t i = 0; i < own.size(); ++i) {
      if (answers.ok()) {
        own[i].answer->set_value((*answers)[i]);
        continue;
      }
      // One of them is to blame, perhaps another one than this.
      const absl::StatusOr<std::vector<Answer>> alone = TakePlaces({own[i]});
      own[i].answer->set_value(alone.ok() ? (*alone)[0] : Answer(alone.status()));
    }
  }
}

absl::StatusOr<std::vector<Allocation::Answer>> Allocation::TakePlaces(
    const std::vector<Wish>& wishes) {
  auto attempt = [&](storage::Transaction& tx) -> absl::StatusOr<std::vector<Answer>> {
    std::vector<Answer> answers(wishes.size(), absl::UnavailableError("the pool is busy"));
    std::vector<bool> full(wishes.size(), false);
    std::vector<size_t> open(wishes.size());
    std::iota(open.begin(), open.end(), size_t{0});
    for (int tries = 0; tries < kTries && !open.empty(); ++tries) {
      std::vector<storage::Pending> places;
      for (size_t i : open) places.push_back(AskPlace(tx, *wishes[i].request));
      std::vector<size_t> again;
      for (size_t n = 0; n < open.size(); ++n) {
        const size_t i = open[n];
        MO_ASSIGN_OR_RETURN(storage::Result rows, places[n].Get());
        if (!rows.empty() && !rows[0].IsNull(0)) {
          answers[i] = FromRow(rows[0]);
        } else if (rows.empty() && full[i]) {
          answers[i] = SimPoolFull();
        } else {
          // Perhaps another process has taken the last place for this very contact meanwhile.
          full[i] = rows.empty();
          again.push_back(i);
        }
      }
      open = std::move(again);
    }
    if (!open.empty()) return answers[open[0]].status();
    return answers;
  };
  absl::StatusOr<std::vector<Answer>> answers = database_.As(wishes[0].account_id, attempt);
  // Another process has placed one of these contacts just now: its place is found next time.
  if (storage::Violates(answers.status(), "allocations_pkey"))
    answers = database_.As(wishes[0].account_id, attempt);
  return answers;
}

storage::Pending Allocation::AskPlace(storage::Transaction& tx,
                                      const v1::AllocateRequest& request) {
  const std::string digits = InternationalDigits(request.phone());
  return tx.Ask(kPlace, tx.account_id(), IdOf(request.contact_id()),
                static_cast<int32_t>(request.network()), IdOf(request.sim_id()), app_.clock().Now(),
                digits, static_cast<int32_t>(CallingCodeLength(digits)));
}

absl::StatusOr<google::protobuf::Empty> Allocation::Release(const Caller& caller,
                                                            const v1::ReleaseRequest& request) {
  MO_RETURN_IF_ERROR(database_.As(caller.account_id, [&](storage::Transaction& tx) {
    return tx.Run(kDeleteAllocation, tx.account_id(), IdOf(request.contact_id()));
  }));
  return google::protobuf::Empty();
}

absl::StatusOr<google::protobuf::Empty> Allocation::SetSuppressed(
    const Caller& caller, const v1::SetSuppressedRequest& request) {
  MO_RETURN_IF_ERROR(database_.As(caller.account_id, [&](storage::Transaction& tx) {
    return tx.Run(kUpsertSuppression, tx.account_id(), IdOf(request.contact_id()),
                  request.suppressed(), request.version());
  }));
  return google::protobuf::Empty();
}

}  // namespace mo::sims
