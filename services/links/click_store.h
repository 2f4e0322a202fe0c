// The links service's tables of clicks.
#pragma once

#include <map>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/storage/transaction.h"
#include "messageorganizer/links/v1/clicks.pb.h"
#include "messageorganizer/links/v1/events.pb.h"
#include "services/links/spool.h"

namespace mo::links {

namespace v1 = messageorganizer::links::v1;

// Up to `most` batches that nobody has counted or is counting, locked; the oldest ones. As the
// system.
absl::StatusOr<std::vector<ClickBatchRecord>> TakeBatches(storage::Transaction& tx, int32_t most);
void MarkCounted(storage::Transaction& tx, const std::vector<ClickBatchRecord>& batches);

// Clicks of one visitor on a link within an hour.
struct VisitorRow {
  int64_t account_id = 0, link_id = 0;
  int64_t first_number = 0, recipient = 0;  // of a personal code; 0 and 0: the link's own
  int64_t visitor = 0;                      // the hash; 0: a recipient, or a bot
  bool bot = false;
  int64_t hour = 0;  // Unix seconds
  int64_t clicks = 0;
  bool is_new = false;  // never seen on this link, or not today if only a hash is known
};

// Adds clicks to the visitors' rows.
absl::StatusOr<std::vector<VisitorRow>> AddVisitors(storage::Transaction& tx,
                                                    const std::vector<v1::CountedClick>& clicks);

// Clicks of a link within an hour.
struct HourRow {
  int64_t account_id = 0, link_id = 0, hour = 0;
  v1::ClickCounts counts;
};
void AddHours(storage::Transaction& tx, const std::vector<HourRow>& rows);

// By account, link and first_number. With a range: the range's, else the link's.
using AssignmentsByRange = std::map<std::tuple<int64_t, int64_t, int64_t>, v1::LinkAssignment>;
absl::StatusOr<AssignmentsByRange> SelectAssignments(
    storage::Transaction& tx,
    const std::map<std::tuple<int64_t, int64_t, int64_t, int64_t>, v1::LinkClicked>& groups);

// Deletes up to 5,000 rows of each table; true when there may be more.
absl::StatusOr<bool> DeleteOldClicks(storage::Transaction& tx, absl::Time clicks_before,
                                     absl::Time batches_before);

// For the API, within the transaction's account.
absl::StatusOr<v1::ClickCounts> SelectTotal(storage::Transaction& tx, int64_t link_id);
// Steps of `unit` ("hour" or "day", UTC) that have clicks, oldest first.
absl::StatusOr<std::vector<v1::ClickInterval>> SelectIntervals(storage::Transaction& tx,
                                                               int64_t link_id, absl::Time from,
                                                               absl::Time to,
                                                               const std::string& unit);
// Whose clicks.
enum class ClicksOf { kLink, kContact };
// Visitors of a link, or visits of a contact (0: of all contacts), whose row's id is below
// `before`, latest first, each with that id.
absl::StatusOr<std::vector<std::pair<int64_t, v1::ContactClick>>> SelectClicks(
    storage::Transaction& tx, ClicksOf of, int64_t id, int64_t before, int32_t limit);

}  // namespace mo::links
