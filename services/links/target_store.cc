#include "services/links/target_store.h"

#include <chrono>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "libs/runtime/status.h"

namespace mo::links {
namespace {

constexpr size_t kBatch = 500;
constexpr size_t kWaiting = 10000;
constexpr std::chrono::nanoseconds kPatience = std::chrono::milliseconds(300);

// Columns in the order that TargetFrom reads, after the key.
constexpr char kSelectByCode[] =
    "SELECT code, account_id, id, 0::bigint, 0::bigint, target_url, utm, expire_time "
    "FROM links.links WHERE code = ANY($1::text[]) AND delete_time IS NULL";
// The range that a number falls into is the one that begins last before it.
constexpr char kSelectByNumber[] =
    "SELECT n, r.account_id, r.link_id, r.first_number, r.recipients, l.target_url, l.utm, "
    "l.expire_time FROM unnest((SELECT $1::bigint[])) AS n CROSS JOIN LATERAL (SELECT * FROM "
    "links.code_ranges WHERE first_number <= n ORDER BY first_number DESC LIMIT 1) AS r "
    "JOIN links.links AS l ON l.account_id = r.account_id AND l.id = r.link_id "
    "WHERE n < r.first_number + r.recipients AND l.delete_time IS NULL";

int64_t SteadyNow() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

TargetPtr TargetFrom(const storage::Row& row, absl::Time now) {
  auto target = std::make_shared<Target>();
  target->exists = true;
  target->account_id = row.Int(1);
  target->link_id = row.Int(2);
  target->first_number = row.Int(3);
  target->recipients = row.Int(4);
  v1::Utm utm;
  utm.ParseFromString(row.String(6));
  target->location = LocationOf(row.String(5), utm);
  target->headers = RedirectHeaders(target->location);
  if (!row.IsNull(7)) target->expire_time = row.Time(7);
  target->load_time = now;
  return target;
}

}  // namespace

TargetStore::TargetStore(const Clock& clock, storage::Database& database)
    : clock_(clock),
      database_(database),
      loads_(kBatch, kWaiting, [this](std::vector<Wanted> all) { LoadAll(std::move(all)); }) {}

bool TargetStore::troubled() const {
  const int64_t began = began_;
  return failed_ || (began != 0 && SteadyNow() - began > kPatience.count());
}

void TargetStore::LoadAll(std::vector<Wanted> wanted) {
  began_ = SteadyNow();
  const absl::StatusOr<std::vector<TargetPtr>> found = Select(wanted);
  began_ = 0;
  failed_ = !found.ok();
  for (size_t i = 0; i < wanted.size(); ++i) {
    wanted[i].done(found.ok() ? absl::StatusOr<TargetPtr>((*found)[i]) : found.status());
  }
}

absl::StatusOr<std::vector<TargetPtr>> TargetStore::Select(const std::vector<Wanted>& wanted) {
  // Before the statement: a change that it does not see is later.
  const absl::Time now = clock_.Now();
  std::vector<std::string> codes;
  std::vector<int64_t> numbers;
  for (const Wanted& each : wanted) {
    if (each.key.number) {
      numbers.push_back(*each.key.number);
    } else {
      codes.push_back(each.key.code);
    }
  }
  absl::flat_hash_map<std::string, TargetPtr> by_code;
  absl::flat_hash_map<int64_t, TargetPtr> by_number;
  MO_RETURN_IF_ERROR(database_.ReadAsSystem([&](storage::Transaction& tx) -> absl::Status {
    storage::Pending code_rows = tx.Ask(kSelectByCode, codes);
    storage::Pending number_rows = tx.Ask(kSelectByNumber, numbers);
    MO_ASSIGN_OR_RETURN(const storage::Result with_code, code_rows.Get());
    MO_ASSIGN_OR_RETURN(const storage::Result with_number, number_rows.Get());
    for (const storage::Row row : with_code) by_code[row.String(0)] = TargetFrom(row, now);
    for (const storage::Row row : with_number) by_number[row.Int(0)] = TargetFrom(row, now);
    return absl::OkStatus();
  }));
  auto none = std::make_shared<Target>();
  none->load_time = now;
  std::vector<TargetPtr> targets;
  for (const Wanted& each : wanted) {
    TargetPtr& found = each.key.number ? by_number[*each.key.number] : by_code[each.key.code];
    targets.push_back(found == nullptr ? none : found);
  }
  return targets;
}

}  // namespace mo::links
