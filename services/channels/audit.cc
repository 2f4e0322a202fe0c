#include "services/channels/audit.h"

#include <array>
#include <map>
#include <numeric>

#include "libs/runtime/ids.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"

namespace mo::channels {
namespace {

// A run ends after so many broadcasts or contacts of them: what it costs sims and the tables of
// skips grows with both.
constexpr int kBroadcasts = 50;
constexpr int64_t kContacts = 200'000;

// By Audit::Kind.
constexpr std::array kKinds = {"skips", "recipients_missing", "recipients_surplus"};

int64_t Sum(const std::vector<int64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), int64_t{0});
}

int64_t RecipientsOf(const std::string& stored) {
  sims_v1::SubmitRequest page;
  page.ParseFromString(stored);
  int64_t recipients = 0;
  for (const sims_v1::Dispatch& dispatch : page.dispatches())
    recipients += dispatch.recipients_size();
  return recipients;
}

}  // namespace

enum class Audit::Kind : size_t { kSkips, kRecipientsMissing, kRecipientsSurplus };

struct Audit::Standing {
  BroadcastKey key;
  int64_t resolved = 0;
  int64_t skipped = 0;
  int64_t stored = 0;  // recipients of the stored page
  int64_t skips_in_rows = 0;
  bool skips_agree = false;
};

Audit::Audit(App& app, Metrics& metrics, storage::Database& database)
    : database_(database),
      sims_(app),
      audited_(metrics.Counter("mo_ledger_audited_total",
                               "Dispatches (sims) and broadcasts (channels) audited",
                               {{"service", "channels"}})) {
  for (const char* kind : kKinds) {
    differences_.push_back(&metrics.Counter("mo_ledger_audit_differences_total",
                                            "Differences found in the ledger: there must be none",
                                            {{"service", "channels"}, {"kind", kind}}));
  }
}

absl::StatusOr<bool> Audit::RunOnce() {
  int64_t contacts = 0;
  for (int i = 0; i < kBroadcasts && contacts < kContacts; ++i) {
    MO_ASSIGN_OR_RETURN(const std::optional<Standing> next, Next());
    last_ = next ? next->key : BroadcastKey{};
    if (!next) break;
    // One that cannot be checked now waits for the next walk and keeps nobody else waiting.
    MO_RETURN_IF_ERROR(Check(*next));
    audited_.Increment();
    contacts += next->resolved;
  }
  return false;
}

// The reasons of all skips, in order, with how often each occurs: two arrays. A row of skips whose
// arrays differ in length has a contact without a reason or the reverse.
constexpr char kSelectNext[] =
    "SELECT e.account_id, e.broadcast_id, e.resolved, e.skipped, e.stored, s.reasons, s.counts, "
    "r.even FROM (SELECT account_id, broadcast_id, resolved, skipped, stored FROM "
    "channels.expansions WHERE (account_id, broadcast_id) > ($1, $2) "
    "ORDER BY account_id, broadcast_id LIMIT 1) AS e "
    "CROSS JOIN LATERAL (SELECT coalesce(array_agg(g.reason), '{}') AS reasons, "
    "coalesce(array_agg(g.number), '{}') AS counts FROM (SELECT reason::bigint, count(*) AS number "
    "FROM channels.broadcast_skips b CROSS JOIN LATERAL unnest(b.reasons) AS reason "
    "WHERE b.account_id = e.account_id AND b.broadcast_id = e.broadcast_id GROUP BY reason) AS g) "
    "AS s CROSS JOIN LATERAL (SELECT coalesce(bool_and(cardinality(contact_ids) = "
    "cardinality(reasons)), true) AS even FROM channels.broadcast_skips b "
    "WHERE b.account_id = e.account_id AND b.broadcast_id = e.broadcast_id) AS r";
absl::StatusOr<std::optional<Audit::Standing>> Audit::Next() {
  MO_ASSIGN_OR_RETURN(const storage::Result rows,
                      database_.ReadAsSystem([this](storage::Transaction& tx) {
                        return tx.Query(kSelectNext, last_.account_id, last_.id);
                      }));
  if (rows.empty()) return std::nullopt;
  const storage::Row row = rows[0];
  Standing standing{{row.Int(0), row.Int(1)}, row.Int(2)};
  const auto skipped = row.Get<std::vector<int64_t>>(3);
  standing.skipped = Sum(skipped);
  if (!row.IsNull(4)) standing.stored = RecipientsOf(row.String(4));
  // Reasons that nobody was skipped for may be in the one and not in the other.
  std::map<int64_t, int64_t> left;
  for (size_t reason = 0; reason < skipped.size(); ++reason)
    left[static_cast<int64_t>(reason)] = skipped[reason];
  const auto reasons = row.Get<std::vector<int64_t>>(5);
  const auto counts = row.Get<std::vector<int64_t>>(6);
  for (size_t i = 0; i < reasons.size(); ++i) left[reasons[i]] -= counts[i];
  standing.skips_in_rows = Sum(counts);
  standing.skips_agree = row.Bool(7);
  for (const auto& [reason, number] : left) standing.skips_agree &= number == 0;
  return standing;
}

constexpr char kSelectPlanned[] =
    "SELECT resolved, skipped FROM channels.expansions WHERE account_id = $1 AND broadcast_id = $2";
absl::Status Audit::Check(const Standing& before) {
  const BroadcastKey key = before.key;
  // Also with equal sums: it is some reason's count, or a row whose arrays differ in length.
  if (!before.skips_agree) Raise(Kind::kSkips, key, before.skips_in_rows, before.skipped);
  sims_v1::GetGroupCountsRequest request;
  request.set_group(FormatId("brd", key.id));
  MO_ASSIGN_OR_RETURN(const sims_v1::GetGroupCountsResponse sims,
                      sims_.Call(&sims_v1::DispatchService::Stub::GetGroupCounts,
                                 ServiceCaller("channels", key.account_id), request));
  MO_ASSIGN_OR_RETURN(const storage::Result after,
                      database_.ReadAsSystem([&](storage::Transaction& tx) {
                        return tx.Query(kSelectPlanned, key.account_id, key.id);
                      }));
  // A draft may have been deleted meanwhile.
  if (after.empty()) return absl::OkStatus();
  const int64_t least = before.resolved - before.skipped - before.stored;
  const int64_t most = after[0].Int(0) - Sum(after[0].Get<std::vector<int64_t>>(1));
  const int64_t recipients = sims.counts().audience();
  if (recipients < least) Raise(Kind::kRecipientsMissing, key, recipients, least);
  if (recipients > most) Raise(Kind::kRecipientsSurplus, key, recipients, most);
  return absl::OkStatus();
}

void Audit::Raise(Kind kind, BroadcastKey key, int64_t found, int64_t wanted) {
  const auto index = static_cast<size_t>(kind);
  differences_[index]->Increment();
  Log(LogLevel::kError, "ledger audit found a difference",
      {{"service", "channels"},
       {"kind", kKinds[index]},
       {"account", key.account_id},
       {"broadcast", FormatId("brd", key.id)},
       {"found", found},
       {"wanted", wanted}});
}

}  // namespace mo::channels
