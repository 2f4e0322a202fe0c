#include "services/sims/allocation.h"

#include <map>
#include <optional>

#include "libs/runtime/errors.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
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

constexpr char kSelectAllocation[] =
    "SELECT s.id, s.address, s.display_name FROM sims.allocations a JOIN sims.sims s ON "
    "s.account_id = a.account_id "
    "AND s.id = a.sim_id WHERE a.account_id = $1 AND a.contact_id = $2";
absl::StatusOr<std::optional<v1::AllocateResponse>> SelectAllocation(storage::Transaction& tx,
                                                                     int64_t contact_id) {
  MO_ASSIGN_OR_RETURN(storage::Result rows,
                      tx.Query(kSelectAllocation, tx.account_id(), contact_id));
  if (rows.empty()) return std::nullopt;
  return FromRow(rows[0]);
}

// The least filled SIM by share of its capacity. A contact that wrote to a draining SIM stays with
// it ($3 names one).
constexpr char kSelectCandidate[] =
    "SELECT id FROM sims.sims WHERE account_id = $1 AND network = $2 AND occupancy < capacity "
    "AND CASE WHEN $3 = 0 THEN state = 1 ELSE id = $3 AND state <> 4 END "
    "ORDER BY occupancy::double precision / capacity, id LIMIT 1";
// The condition is checked again on the locked row: this is what keeps a SIM from being over-full.
constexpr char kTakePlace[] =
    "UPDATE sims.sims SET occupancy = occupancy + 1 WHERE account_id = $1 AND id = $2 AND "
    "occupancy < capacity "
    "AND (state = 1 OR $3) RETURNING id, address, display_name";
absl::StatusOr<std::optional<v1::AllocateResponse>> TakePlace(storage::Transaction& tx,
                                                              common::Network network,
                                                              int64_t only_sim) {
  for (int attempt = 0; attempt < kTries; ++attempt) {
    MO_ASSIGN_OR_RETURN(
        storage::Result candidate,
        tx.Query(kSelectCandidate, tx.account_id(), static_cast<int32_t>(network), only_sim));
    if (candidate.empty()) return std::nullopt;
    MO_ASSIGN_OR_RETURN(storage::Result taken,
                        tx.Query(kTakePlace, tx.account_id(), candidate[0].Int(0), only_sim != 0));
    if (!taken.empty()) return FromRow(taken[0]);
  }
  return absl::UnavailableError("the pool is busy");
}

constexpr char kInsertAllocation[] =
    "INSERT INTO sims.allocations (account_id, contact_id, sim_id, create_time) VALUES ($1, $2, "
    "$3, $4)";
absl::StatusOr<v1::AllocateResponse> Place(storage::Transaction& tx,
                                           const v1::AllocateRequest& request, absl::Time now) {
  const int64_t contact_id = IdOf(request.contact_id());
  MO_ASSIGN_OR_RETURN(std::optional<v1::AllocateResponse> known, SelectAllocation(tx, contact_id));
  if (known) return *known;
  MO_ASSIGN_OR_RETURN(std::optional<v1::AllocateResponse> taken,
                      TakePlace(tx, request.network(), IdOf(request.sim_id())));
  if (!taken) {
    // Perhaps another process has taken the last place for this very contact since we looked.
    MO_ASSIGN_OR_RETURN(known, SelectAllocation(tx, contact_id));
    if (known) return *known;
    return SimPoolFull();
  }
  MO_RETURN_IF_ERROR(
      tx.Run(kInsertAllocation, tx.account_id(), contact_id, IdOf(taken->sim_id()), now));
  return *taken;
}

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
    std::vector<Answer> answers;
    for (const Wish& wish : wishes) {
      answers.push_back(Place(tx, *wish.request, app_.clock().Now()));
      const absl::Status& status = answers.back().status();
      if (!status.ok() && ReasonOf(status) != "SIM_POOL_FULL") return status;
    }
    return answers;
  };
  absl::StatusOr<std::vector<Answer>> answers = database_.As(wishes[0].account_id, attempt);
  // Another process has placed one of these contacts just now: its place is found next time.
  if (storage::Violates(answers.status(), "allocations_pkey"))
    answers = database_.As(wishes[0].account_id, attempt);
  return answers;
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
