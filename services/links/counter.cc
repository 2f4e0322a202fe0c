#include "services/links/counter.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>

#include "libs/runtime/ids.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "messageorganizer/links/v1/events.pb.h"
#include "services/links/click_store.h"
#include "services/links/store.h"

namespace mo::links {
namespace {

constexpr int kBatches = 200;
constexpr int kNewRecipients = 1000;
// A spool that lay longer than this would be counted twice.
constexpr absl::Duration kBatchRetention = absl::Hours(30 * 24);

// What is told of together: a link, the range of its codes, an hour.
using Group = std::tuple<int64_t, int64_t, int64_t, int64_t>;

std::map<Group, v1::LinkClicked> Grouped(const std::vector<VisitorRow>& rows) {
  std::map<Group, v1::LinkClicked> groups;
  std::set<std::tuple<int64_t, int64_t, int64_t>> seen;
  for (const VisitorRow& row : rows) {
    v1::LinkClicked& event = groups[{row.account_id, row.link_id, row.first_number, row.hour}];
    v1::ClickCounts& counts = *event.mutable_counts();
    if (row.bot) {
      counts.set_bot_clicks(counts.bot_clicks() + row.clicks);
      continue;
    }
    counts.set_clicks(counts.clicks() + row.clicks);
    // A recipient whose first clicks are of two hours, or days, is new in the first of them.
    const bool personal = row.first_number != 0;
    if (!row.is_new ||
        (personal && !seen.insert({row.account_id, row.first_number, row.recipient}).second))
      continue;
    counts.set_unique_clicks(counts.unique_clicks() + 1);
    if (personal && event.new_recipients_size() < kNewRecipients)
      event.add_new_recipients(row.recipient);
  }
  return groups;
}

}  // namespace

absl::StatusOr<bool> Counter::RunOnce() {
  return database_.AsSystem([&](storage::Transaction& tx) -> absl::StatusOr<bool> {
    MO_ASSIGN_OR_RETURN(const std::vector<ClickBatchRecord> batches, TakeBatches(tx, kBatches));
    if (batches.empty()) return false;
    std::vector<v1::CountedClick> clicks;
    for (const ClickBatchRecord& record : batches) {
      v1::ClickBatch batch;
      if (!batch.ParseFromString(record.payload))
        Log(LogLevel::kError, "a batch of clicks cannot be read");
      for (v1::CountedClick& click : *batch.mutable_clicks()) clicks.push_back(std::move(click));
    }
    MO_RETURN_IF_ERROR(Count(tx, clicks));
    MarkCounted(tx, batches);
    return batches.size() == kBatches;
  });
}

absl::Status Counter::Count(storage::Transaction& tx, const std::vector<v1::CountedClick>& clicks) {
  MO_ASSIGN_OR_RETURN(const std::vector<VisitorRow> rows, AddVisitors(tx, clicks));
  std::map<Group, v1::LinkClicked> groups = Grouped(rows);
  std::vector<int64_t> ranges;
  std::vector<HourRow> hours;
  for (const auto& [group, event] : groups) {
    const auto& [account_id, link_id, first_number, hour] = group;
    ranges.push_back(first_number);
    hours.push_back({account_id, link_id, hour, event.counts()});
  }
  AddHours(tx, hours);
  MO_ASSIGN_OR_RETURN(const AssignmentsByRange assignments, SelectAssignments(tx, groups));
  for (auto& [group, event] : groups) {
    const auto& [account_id, link_id, first_number, hour] = group;
    event.set_link_id(FormatId("lnk", link_id));
    *event.mutable_hour() = ToProto(absl::FromUnixSeconds(hour));
    if (const auto found = assignments.find({account_id, link_id, first_number});
        found != assignments.end())
      *event.mutable_assignment() = found->second;
    MO_RETURN_IF_ERROR(outbox_.Append(tx, account_id, event.link_id(), event));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Counter::DeleteOld(absl::Duration retention) {
  const absl::Time now = app_.clock().Now();
  return database_.AsSystem([&](storage::Transaction& tx) {
    return DeleteOldClicks(tx, now - retention, now - kBatchRetention);
  });
}

}  // namespace mo::links
