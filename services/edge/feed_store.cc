#include "services/edge/feed_store.h"

#include "libs/runtime/status.h"

namespace mo::edge {
namespace {

constexpr int kTrimBatch = 1000;

}  // namespace

// Whoever waited for a head's row would do so with a transaction number, and all services' events
// wait for the oldest of those. Accounts come in their order, so that two consumers never wait for
// each other's.
constexpr char kQueue[] =
    "SELECT pg_advisory_xact_lock(hashtextextended('edge.feed/' || account_id, 0)) "
    "FROM unnest((SELECT $1::bigint[])) AS account_id";
// An event knows how many of its account's come after it; the head tells their last number.
constexpr char kAppend[] = R"(
  WITH numbered AS (
    INSERT INTO edge.feed_heads AS heads (account_id, seq)
    SELECT account_id, count FROM unnest((SELECT $1::bigint[]), (SELECT $2::bigint[])) AS added (account_id, count)
    ON CONFLICT (account_id) DO UPDATE SET seq = heads.seq + excluded.seq
    RETURNING account_id, seq)
  INSERT INTO edge.feed (account_id, seq, type, payload, create_time)
  SELECT account_id, numbered.seq - rows.later, rows.type, rows.payload, rows.create_time
  FROM unnest((SELECT $3::bigint[]), (SELECT $4::bigint[]), (SELECT $5::text[]), (SELECT $6::text[]), (SELECT $7::timestamptz[]))
       AS rows (account_id, later, type, payload, create_time)
  JOIN numbered USING (account_id))";

void FeedStore::Append(storage::Transaction& tx, std::vector<FeedEvent> events) {
  if (events.empty()) return;
  std::map<int64_t, int64_t> left;
  for (const FeedEvent& event : events) ++left[event.account_id];
  std::vector<int64_t> accounts, counts;
  for (const auto& [account_id, count] : left) {
    accounts.push_back(account_id);
    counts.push_back(count);
  }
  std::vector<int64_t> owners, later;
  std::vector<std::string> types, payloads;
  std::vector<absl::Time> times;
  for (FeedEvent& event : events) {
    owners.push_back(event.account_id);
    later.push_back(--left[event.account_id]);
    types.push_back(std::move(event.type));
    payloads.push_back(std::move(event.payload));
    times.push_back(event.time);
  }
  // Sent together with what moves the offset: the others wait for one round trip and the commit.
  tx.Defer(kQueue, accounts);
  tx.Defer(kAppend, accounts, counts, owners, later, types, payloads, times);
}

constexpr char kHeads[] = "SELECT account_id, seq FROM edge.feed_heads WHERE account_id = ANY($1)";

absl::StatusOr<std::map<int64_t, int64_t>> FeedStore::Heads(const std::vector<int64_t>& accounts) {
  using Heads = std::map<int64_t, int64_t>;
  return database_.ReadAsSystem([&](storage::Transaction& tx) -> absl::StatusOr<Heads> {
    MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kHeads, accounts));
    Heads heads;
    for (const storage::Row row : rows) heads[row.Int(0)] = row.Int(1);
    return heads;
  });
}

constexpr char kRead[] = R"(
  SELECT seq, type, payload, create_time FROM edge.feed
  WHERE account_id = $1 AND seq > $2 ORDER BY seq LIMIT $3)";

absl::StatusOr<std::vector<FeedEvent>> FeedStore::Read(int64_t account_id, int64_t seq, int limit) {
  using Events = std::vector<FeedEvent>;
  return database_.ReadAs(account_id, [&](storage::Transaction& tx) -> absl::StatusOr<Events> {
    MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kRead, account_id, seq, limit));
    Events events;
    for (const storage::Row row : rows) {
      events.push_back({account_id, row.Int(0), row.String(1), row.String(2), row.Time(3)});
    }
    return events;
  });
}

constexpr char kOldest[] = "SELECT coalesce(min(seq), 0) FROM edge.feed WHERE account_id = $1";

absl::StatusOr<int64_t> FeedStore::Oldest(int64_t account_id) {
  return database_.ReadAs(account_id, [&](storage::Transaction& tx) -> absl::StatusOr<int64_t> {
    MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kOldest, account_id));
    return rows[0].Int(0);
  });
}

constexpr char kTrim[] = R"(
  DELETE FROM edge.feed WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM edge.feed WHERE create_time < $1 ORDER BY create_time LIMIT $2)))";

absl::StatusOr<bool> FeedStore::Trim(absl::Time time) {
  return database_.AsSystem([&](storage::Transaction& tx) -> absl::StatusOr<bool> {
    MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kTrim, time, kTrimBatch));
    return rows.affected() == kTrimBatch;
  });
}

}  // namespace mo::edge
