#include "services/links/click_store.h"

#include <algorithm>
#include <string>

#include "libs/runtime/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "services/links/store.h"

namespace mo::links {
namespace {

constexpr char kTakeBatches[] =
    "SELECT id, payload FROM links.click_batches WHERE account_id = 0 AND payload IS NOT NULL "
    "ORDER BY create_time LIMIT $1 FOR UPDATE SKIP LOCKED";
constexpr char kMarkCounted[] =
    "UPDATE links.click_batches SET payload = NULL WHERE account_id = 0 AND id = "
    "ANY($1::bytea[])";

// One row for each visitor, in the order of the key, so that two who count at once do not wait for
// each other. A recipient is new when there is no row of an earlier day; the statement sees none of
// its own.
constexpr char kAddVisitors[] =
    "INSERT INTO links.clicks AS c (account_id, link_id, first_number, recipient, visitor, bot, "
    "day, clicks, first_time, last_time, contact_id) "
    "SELECT v.account_id, v.link_id, v.first_number, recipient, visitor, bot, day, clicks, "
    "first_time, last_time, coalesce(nullif(w.contact_id, 0), w.of_range, 0) FROM unnest((SELECT "
    "$1::bigint[]), (SELECT $2::bigint[]), (SELECT $3::bigint[]), "
    "(SELECT $4::bigint[]), (SELECT $5::bigint[]), (SELECT $6::bigint[]), "
    "(SELECT $7::bigint[]), (SELECT $8::timestamptz[]), (SELECT $9::timestamptz[])) AS v "
    "(account_id, link_id, first_number, recipient, visitor, is_bot, clicks, first_time, "
    "last_time) "
    "CROSS JOIN LATERAL (SELECT (first_time AT TIME ZONE 'UTC')::date AS day, is_bot <> 0 AS bot) "
    "AS d "
    "LEFT JOIN LATERAL (SELECT r.contact_id, (SELECT ('x' || encode(substring(contacts FROM "
    "(v.recipient * 8 + 1)::int FOR 8), 'hex'))::bit(64)::bigint FROM links.range_contacts AS rc "
    "WHERE rc.account_id = r.account_id AND rc.request_key = r.request_key AND "
    "octet_length(rc.contacts) >= v.recipient * 8 + 8) AS of_range FROM links.code_ranges AS r "
    "WHERE v.first_number <> 0 AND r.account_id = v.account_id AND r.first_number = "
    "v.first_number AND r.link_id = v.link_id) AS w ON true "
    "ORDER BY 1, 2, 3, 4, 5, 6, 7 "
    "ON CONFLICT (account_id, link_id, first_number, recipient, visitor, bot, day) DO UPDATE SET "
    "clicks = c.clicks + excluded.clicks, first_time = least(c.first_time, excluded.first_time), "
    "last_time = greatest(c.last_time, excluded.last_time) "
    "RETURNING account_id, link_id, first_number, recipient, visitor, bot, "
    "extract(epoch FROM day)::bigint, xmax = 0 AND (visitor <> 0 OR NOT EXISTS (SELECT 1 FROM "
    "links.clicks AS o WHERE o.account_id = c.account_id AND o.link_id = c.link_id AND "
    "o.first_number = c.first_number AND o.recipient = c.recipient AND o.visitor = 0 AND NOT o.bot "
    "AND o.day <> c.day))";

constexpr char kAddHours[] =
    "INSERT INTO links.click_hours AS h (account_id, link_id, hour, clicks, bot_clicks, "
    "unique_clicks) SELECT account_id, link_id, hour, sum(clicks)::bigint, sum(bots)::bigint, "
    "sum(uniques)::bigint FROM unnest((SELECT $1::bigint[]), (SELECT $2::bigint[]), "
    "(SELECT $3::timestamptz[]), (SELECT $4::bigint[]), (SELECT $5::bigint[]), "
    "(SELECT $6::bigint[])) AS n (account_id, link_id, hour, clicks, bots, uniques) "
    "GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 ON CONFLICT (account_id, link_id, hour) DO UPDATE SET "
    "clicks = h.clicks + excluded.clicks, bot_clicks = h.bot_clicks + excluded.bot_clicks, "
    "unique_clicks = h.unique_clicks + excluded.unique_clicks";

constexpr char kSelectAssignments[] =
    "SELECT g.account_id, g.link_id, g.first_number, "
    "coalesce(r.broadcast_id, l.broadcast_id, 0), coalesce(r.channel_id, l.channel_id, 0), "
    "coalesce(r.message_id, l.message_id, 0), coalesce(r.contact_id, l.contact_id, 0) "
    "FROM unnest((SELECT $1::bigint[]), (SELECT $2::bigint[]), (SELECT $3::bigint[])) AS g "
    "(account_id, link_id, first_number) LEFT JOIN links.code_ranges AS r ON r.account_id = "
    "g.account_id AND "
    "r.first_number = g.first_number AND r.link_id = g.link_id "
    "LEFT JOIN links.links AS l ON l.account_id = g.account_id AND l.id = g.link_id";

constexpr int64_t kHour = 3600;
constexpr int64_t kDay = 24 * kHour;

// Who clicked on a day; as the table's key.
using VisitorKey = std::tuple<int64_t, int64_t, int64_t, int64_t, int64_t, bool, int64_t>;

struct Visit {
  int64_t clicks = 0;
  int64_t first = 0, last = 0;
  std::map<int64_t, int64_t> by_hour;
};

std::map<VisitorKey, Visit> Visits(const std::vector<v1::CountedClick>& clicks) {
  std::map<VisitorKey, Visit> visits;
  for (const v1::CountedClick& click : clicks) {
    Visit& visit =
        visits[{click.account_id(), click.link_id(), click.first_number(), click.index(),
                static_cast<int64_t>(click.visitor()), click.bot(), click.time() / kDay * kDay}];
    visit.first = visit.clicks == 0 ? click.time() : std::min(visit.first, click.time());
    visit.last = std::max(visit.last, click.time());
    visit.clicks += click.clicks();
    visit.by_hour[click.time() / kHour * kHour] += click.clicks();
  }
  return visits;
}

// A visitor's rows by hour, of which the first may be the first of all.
void AddRows(const VisitorKey& key, const Visit& visit, bool is_new,
             std::vector<VisitorRow>& rows) {
  for (const auto& [hour, clicks] : visit.by_hour) {
    const auto& [account_id, link_id, first_number, recipient, visitor, bot, day] = key;
    rows.push_back({account_id, link_id, first_number, recipient, visitor, bot, hour, clicks,
                    std::exchange(is_new, false)});
  }
}

v1::ClickCounts CountsFrom(const storage::Row& row, int column) {
  v1::ClickCounts counts;
  counts.set_clicks(row.Int(column));
  counts.set_bot_clicks(row.Int(column + 1));
  counts.set_unique_clicks(row.Int(column + 2));
  return counts;
}

}  // namespace

absl::StatusOr<std::vector<ClickBatchRecord>> TakeBatches(storage::Transaction& tx, int32_t most) {
  MO_ASSIGN_OR_RETURN(const storage::Result rows, tx.Query(kTakeBatches, most));
  std::vector<ClickBatchRecord> batches;
  for (const storage::Row row : rows) batches.push_back({row.String(0), row.String(1)});
  return batches;
}

void MarkCounted(storage::Transaction& tx, const std::vector<ClickBatchRecord>& batches) {
  std::vector<storage::Bytes> ids;
  for (const ClickBatchRecord& batch : batches) ids.push_back({batch.id});
  tx.Defer(kMarkCounted, ids);
}

absl::StatusOr<std::vector<VisitorRow>> AddVisitors(storage::Transaction& tx,
                                                    const std::vector<v1::CountedClick>& clicks) {
  const std::map<VisitorKey, Visit> visits = Visits(clicks);
  std::vector<int64_t> accounts, links, firsts, recipients, visitors, bots, counts;
  std::vector<absl::Time> first_times, last_times;
  for (const auto& [key, visit] : visits) {
    const auto& [account_id, link_id, first_number, recipient, visitor, bot, day] = key;
    accounts.push_back(account_id);
    links.push_back(link_id);
    firsts.push_back(first_number);
    recipients.push_back(recipient);
    visitors.push_back(visitor);
    bots.push_back(bot ? 1 : 0);
    counts.push_back(visit.clicks);
    first_times.push_back(absl::FromUnixSeconds(visit.first));
    last_times.push_back(absl::FromUnixSeconds(visit.last));
  }
  MO_ASSIGN_OR_RETURN(const storage::Result added,
                      tx.Query(kAddVisitors, accounts, links, firsts, recipients, visitors, bots,
                               counts, first_times, last_times));
  std::vector<VisitorRow> rows;
  for (const storage::Row row : added) {
    const VisitorKey key{row.Int(0), row.Int(1),  row.Int(2), row.Int(3),
                         row.Int(4), row.Bool(5), row.Int(6)};
    AddRows(key, visits.at(key), row.Bool(7), rows);
  }
  return rows;
}

void AddHours(storage::Transaction& tx, const std::vector<HourRow>& rows) {
  std::vector<int64_t> accounts, links, clicks, bots, uniques;
  std::vector<absl::Time> hours;
  for (const HourRow& row : rows) {
    accounts.push_back(row.account_id);
    links.push_back(row.link_id);
    hours.push_back(absl::FromUnixSeconds(row.hour));
    clicks.push_back(row.counts.clicks());
    bots.push_back(row.counts.bot_clicks());
    uniques.push_back(row.counts.unique_clicks());
  }
  tx.Defer(kAddHours, accounts, links, hours, clicks, bots, uniques);
}

absl::StatusOr<AssignmentsByRange> SelectAssignments(
    storage::Transaction& tx,
    const std::map<std::tuple<int64_t, int64_t, int64_t, int64_t>, v1::LinkClicked>& groups) {
  std::vector<int64_t> accounts, links, firsts;
  for (const auto& [group, event] : groups) {
    accounts.push_back(std::get<0>(group));
    links.push_back(std::get<1>(group));
    firsts.push_back(std::get<2>(group));
  }
  MO_ASSIGN_OR_RETURN(const storage::Result rows,
                      tx.Query(kSelectAssignments, accounts, links, firsts));
  AssignmentsByRange assignments;
  for (const storage::Row row : rows) {
    const AssignmentRow assignment(row.Int(3), row.Int(4), row.Int(5), row.Int(6));
    if (!assignment.empty())
      assignments[{row.Int(0), row.Int(1), row.Int(2)}] = assignment.ToProto();
  }
  return assignments;
}

constexpr char kDeleteClicks[] =
    "DELETE FROM links.clicks WHERE ctid = ANY(ARRAY(SELECT ctid FROM links.clicks WHERE day < "
    "($1::timestamptz AT TIME ZONE 'UTC')::date LIMIT 5000))";
constexpr char kDeleteBatches[] =
    "DELETE FROM links.click_batches WHERE ctid = ANY(ARRAY(SELECT ctid FROM links.click_batches "
    "WHERE create_time < $1 AND payload IS NULL LIMIT 5000))";
absl::StatusOr<bool> DeleteOldClicks(storage::Transaction& tx, absl::Time clicks_before,
                                     absl::Time batches_before) {
  MO_ASSIGN_OR_RETURN(const storage::Result clicks, tx.Query(kDeleteClicks, clicks_before));
  MO_ASSIGN_OR_RETURN(const storage::Result batches, tx.Query(kDeleteBatches, batches_before));
  return clicks.affected() == 5000 || batches.affected() == 5000;
}

constexpr char kSelectTotal[] =
    "SELECT coalesce(sum(clicks), 0)::bigint, coalesce(sum(bot_clicks), 0)::bigint, "
    "coalesce(sum(unique_clicks), 0)::bigint FROM links.click_hours WHERE account_id = $1 AND "
    "link_id = $2";
absl::StatusOr<v1::ClickCounts> SelectTotal(storage::Transaction& tx, int64_t link_id) {
  MO_ASSIGN_OR_RETURN(const storage::Result rows, tx.Query(kSelectTotal, tx.account_id(), link_id));
  return CountsFrom(rows[0], 0);
}

constexpr char kSelectIntervals[] =
    "SELECT date_trunc($5, hour, 'UTC'), sum(clicks)::bigint, sum(bot_clicks)::bigint, "
    "sum(unique_clicks)::bigint FROM links.click_hours WHERE account_id = $1 AND link_id = $2 AND "
    "hour >= $3 AND hour < $4 GROUP BY 1 ORDER BY 1";
absl::StatusOr<std::vector<v1::ClickInterval>> SelectIntervals(storage::Transaction& tx,
                                                               int64_t link_id, absl::Time from,
                                                               absl::Time to,
                                                               const std::string& unit) {
  MO_ASSIGN_OR_RETURN(const storage::Result rows,
                      tx.Query(kSelectIntervals, tx.account_id(), link_id, from, to, unit));
  std::vector<v1::ClickInterval> intervals;
  for (const storage::Row row : rows) {
    v1::ClickInterval& interval = intervals.emplace_back();
    *interval.mutable_start_time() = ToProto(row.Time(0));
    *interval.mutable_counts() = CountsFrom(row, 1);
  }
  return intervals;
}

#define SELECT_CLICKS(of)                                                                   \
  "SELECT c.id, c.first_time, c.last_time, c.clicks, c.bot, r.first_number, c.recipient, "  \
  "r.broadcast_id, r.channel_id, r.message_id, r.contact_id, c.contact_id, c.link_id FROM " \
  "links.clicks AS c LEFT JOIN links.code_ranges AS r ON r.account_id = c.account_id AND "  \
  "r.first_number = c.first_number AND r.link_id = c.link_id "                              \
  "WHERE c.account_id = $1 AND " of " AND c.id < $3 ORDER BY c.id DESC LIMIT $4"
constexpr char kSelectClicks[] = SELECT_CLICKS("c.link_id = $2");
constexpr char kSelectContactClicks[] = SELECT_CLICKS("c.contact_id = $2 AND c.contact_id <> 0");
constexpr char kSelectContactsClicks[] = SELECT_CLICKS("$2 = 0 AND c.contact_id <> 0");

static v1::ContactClick ClickFrom(const storage::Row& row) {
  v1::ContactClick of;
  of.set_link_id(FormatId("lnk", row.Int(12)));
  v1::Click& click = *of.mutable_click();
  *click.mutable_first_time() = ToProto(row.Time(1));
  *click.mutable_last_time() = ToProto(row.Time(2));
  click.set_clicks(row.Int(3));
  click.set_bot(row.Bool(4));
  if (row.IsNull(5)) return of;
  click.mutable_recipient()->set_index(row.Int(6));
  *click.mutable_recipient()->mutable_assignment() =
      AssignmentRow(row.Int(7), row.Int(8), row.Int(9), row.Int(10)).ToProto();
  if (row.Int(11) != 0) click.mutable_recipient()->set_contact_id(FormatId("con", row.Int(11)));
  return of;
}

absl::StatusOr<std::vector<std::pair<int64_t, v1::ContactClick>>> SelectClicks(
    storage::Transaction& tx, ClicksOf of, int64_t id, int64_t before, int32_t limit) {
  const char* sql = of == ClicksOf::kLink ? kSelectClicks
                    : id != 0             ? kSelectContactClicks
                                          : kSelectContactsClicks;
  MO_ASSIGN_OR_RETURN(const storage::Result rows,
                      tx.Query(sql, tx.account_id(), id, before, limit));
  std::vector<std::pair<int64_t, v1::ContactClick>> clicks;
  for (const storage::Row row : rows) clicks.emplace_back(row.Int(0), ClickFrom(row));
  return clicks;
}

}  // namespace mo::links
