#include "services/sims/audit.h"

#include <algorithm>
#include <array>
#include <functional>

#include "absl/strings/str_cat.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "services/sims/status_bytes.h"

namespace mo::sims {
namespace {

// A run ends when it has passed or checked so many: 10,000 dispatches every 10 s are 86 million a
// day, and unpacking 100,000 recipients takes some 50 ms.
constexpr int64_t kPassed = 10'000;
constexpr int64_t kChecked = 1'000;
constexpr int64_t kRecipients = 100'000;
constexpr int64_t kPage = 100;
constexpr absl::Duration kFullInterval = absl::Hours(24);
// A change may become visible so long after its update_time: clocks differ, commits take time.
constexpr absl::Duration kMargin = absl::Minutes(1);

// By Audit::Kind.
constexpr std::array kKinds = {"state_missing", "dispatch_missing", "status_length", "status_byte",
                               "open",          "contact_order",    "contact_range", "addresses",
                               "parameters"};

bool IsValid(char byte) {
  const Standing standing = Unpack(byte);
  const bool has_reason = standing.reason != common::DELIVERY_REASON_UNSPECIFIED;
  return common::DeliveryState_IsValid(standing.state) &&
         standing.state != common::DELIVERY_STATE_UNSPECIFIED &&
         common::DeliveryReason_IsValid(standing.reason) &&
         has_reason == (standing.state == common::DELIVERY_STATE_FAILED ||
                        standing.state == common::DELIVERY_STATE_SKIPPED);
}

}  // namespace

enum class Audit::Kind : size_t {
  kStateMissing,
  kDispatchMissing,
  kStatusLength,
  kStatusByte,
  kOpen,
  kContactOrder,
  kContactRange,
  kAddresses,
  kParameters,
};

Audit::Audit(Metrics& metrics, const Clock& clock, storage::Database& database)
    : clock_(clock),
      database_(database),
      audited_(metrics.Counter("mo_ledger_audited_total",
                               "Dispatches (sims) and broadcasts (channels) audited",
                               {{"service", "sims"}})) {
  for (const char* kind : kKinds) {
    differences_.push_back(&metrics.Counter("mo_ledger_audit_differences_total",
                                            "Differences found in the ledger: there must be none",
                                            {{"service", "sims"}, {"kind", kind}}));
  }
}

absl::StatusOr<bool> Audit::RunOnce() {
  if (account_id_ == 0) Begin();
  Passed sum;
  while (sum.dispatches < kPassed && sum.checked < kChecked && sum.recipients < kRecipients) {
    MO_ASSIGN_OR_RETURN(const Passed page, CheckPage());
    audited_.Increment(static_cast<double>(page.dispatches));
    if (page.dispatches < kPage) {
      account_id_ = dispatch_id_ = 0;
      break;
    }
    sum.dispatches += page.dispatches;
    sum.checked += page.checked;
    sum.recipients += page.recipients;
  }
  return false;
}

// A new walk.
void Audit::Begin() {
  const absl::Time now = clock_.Now();
  const bool full = begin_full_ + kFullInterval <= now;
  since_ = full ? absl::InfinitePast() : begin_ - kMargin;
  begin_ = now;
  if (full) begin_full_ = now;
}

// Of two lists, each cut after so many keys, so many keys of both together are complete. The limits
// are part of the text, for the planner must know that they are small.
constexpr char kSelectPage[] =
    "WITH d AS MATERIALIZED (SELECT account_id, id, group_key FROM sims.dispatches "
    "WHERE (account_id, id) > ($1, $2) ORDER BY account_id, id LIMIT 100), "
    "s AS MATERIALIZED (SELECT account_id, id, open, status, update_time FROM "
    "sims.dispatch_states WHERE (account_id, id) > ($1, $2) ORDER BY account_id, id LIMIT 100), "
    "k AS MATERIALIZED (SELECT account_id, id, d.id IS NOT NULL AS has_dispatch, "
    "s.id IS NOT NULL AS has_state, s.open, d.group_key, CASE WHEN d.id IS NOT NULL AND ($3 IS "
    "NULL OR "
    "s.update_time >= $3) THEN s.status END AS status "
    "FROM d FULL JOIN s USING (account_id, id) ORDER BY account_id, id LIMIT 100) "
    "SELECT k.account_id, k.id, k.has_dispatch, k.has_state, k.open, k.status, "
    "c.contacts, c.ascending, c.inside, c.addresses, c.parameters, c.wanted_parameters, "
    "k.group_key "
    "FROM k LEFT JOIN LATERAL (SELECT cardinality(d.contact_ids)::bigint AS contacts, "
    "coalesce(d.contact_ids = ids.sorted AND cardinality(d.contact_ids) = ids.present, false) "
    "AS ascending, coalesce(d.contact_range @> ids.low AND d.contact_range @> ids.high, false) "
    "AS inside, cardinality(d.addresses)::bigint AS addresses, "
    "cardinality(d.parameters)::bigint AS parameters, "
    "cardinality(d.contact_ids)::bigint * cardinality(d.parameter_names) AS wanted_parameters "
    "FROM sims.dispatches d CROSS JOIN LATERAL (SELECT array_agg(DISTINCT c ORDER BY c) AS sorted, "
    "count(c) AS present, min(c) AS low, max(c) AS high FROM unnest(d.contact_ids) AS c) AS ids "
    "WHERE d.account_id = k.account_id AND d.id = k.id AND k.status IS NOT NULL LIMIT 1) AS c "
    "ON true ORDER BY k.account_id, k.id";
static_assert(kPage == 100);
absl::StatusOr<Audit::Passed> Audit::CheckPage() {
  MO_ASSIGN_OR_RETURN(const storage::Result rows,
                      database_.ReadAsSystem([this](storage::Transaction& tx) {
                        return tx.Query(kSelectPage, account_id_, dispatch_id_, since_);
                      }));
  Passed passed;
  for (const storage::Row row : rows) {
    ++passed.dispatches;
    account_id_ = row.Int(0);
    dispatch_id_ = row.Int(1);
    if (!row.Bool(3)) Raise(Kind::kStateMissing, row);
    if (!row.Bool(2)) Raise(Kind::kDispatchMissing, row);
    if (row.IsNull(5)) continue;
    ++passed.checked;
    passed.recipients += row.Int(6);
    CheckRow(row);
  }
  return passed;
}

void Audit::CheckRow(const storage::Row& row) {
  const auto check = [&](bool holds, Kind kind) {
    if (!holds) Raise(kind, row);
  };
  const std::string status = row.String(5);
  const int64_t contacts = row.Int(6);
  check(static_cast<int64_t>(status.size()) == contacts, Kind::kStatusLength);
  check(std::all_of(status.begin(), status.end(), IsValid), Kind::kStatusByte);
  check(row.Bool(4) != IsComplete(status), Kind::kOpen);
  check(row.Bool(7), Kind::kContactOrder);
  check(row.Bool(8), Kind::kContactRange);
  check(row.Int(9) == contacts, Kind::kAddresses);
  check(row.Int(10) == row.Int(11), Kind::kParameters);
}

void Audit::Raise(Kind kind, const storage::Row& row) {
  const auto index = static_cast<size_t>(kind);
  // What was not read is "-".
  const auto text = [&row](int column) {
    return row.IsNull(column) ? "-" : absl::StrCat(row.Int(column));
  };
  const std::string status = row.IsNull(5) ? "" : row.String(5);
  const auto invalid = std::count_if(status.begin(), status.end(), std::not_fn(IsValid));
  differences_[index]->Increment();
  Log(LogLevel::kError, "ledger audit found a difference",
      {{"service", "sims"},
       {"kind", kKinds[index]},
       {"account", row.Int(0)},
       {"dispatch", row.Int(1)},
       {"group", row.IsNull(12) ? "-" : row.String(12)},
       {"open", row.IsNull(4) ? "-"
                : row.Bool(4) ? "true"
                              : "false"},
       {"contacts", text(6)},
       {"statuses", status.size()},
       {"invalid_statuses", invalid},
       {"addresses", text(9)},
       {"parameters", text(10)},
       {"wanted_parameters", text(11)}});
}

}  // namespace mo::sims
