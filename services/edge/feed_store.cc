#include "services/edge/feed_store.h"

#include "libs/runtime/status.h"

namespace mo::edge {
namespace {

constexpr int kTrimBatch = 1000;

}  // namespace

// Whoever waited for the head's row would do so with a transaction number, and all services' events
// wait for the oldest of those.
constexpr char kQueue[] =
    "SELECT pg_advisory_xact_lock(hashtextextended('edge.feed/' || $1::bigint, 0))";
constexpr char kAdvanceHead[] = R"(
  INSERT INTO edge.feed_heads AS heads (account_id, seq) VALUES ($1, $2)
  ON CONFLICT (account_id) DO UPDATE SET seq = heads.seq + excluded.seq
  RETURNING seq)";
constexpr char kInsert[] = R"(
  INSERT INTO edge.feed (account_id, seq, type, payload, create_time)
  SELECT $1, rows.seq, rows.type, rows.payload, rows.create_time
  FROM unnest($2::bigint[], $3::text[], $4::text[], $5::timestamptz[])
       AS rows (seq, type, payload, create_time))";

absl::Status FeedStore::Append(storage::Transaction& tx, std::vector<FeedEvent> events) {
  // Accounts in order, so that two consumers never wait for each other's.
  std::map<int64_t, std::vector<FeedEvent*>> accounts;
  for (FeedEvent& event : events) accounts[event.account_id].push_back(&event);
  for (const auto& [account_id, list] : accounts) {
    const auto count = static_cast<int64_t>(list.size());
    MO_RETURN_IF_ERROR(tx.Run(kQueue, account_id));
    MO_ASSIGN_OR_RETURN(storage::Result head, tx.Query(kAdvanceHead, account_id, count));
    std::vector<int64_t> seqs;
    std::vector<std::string> types, payloads;
    std::vector<absl::Time> times;
    int64_t seq = head[0].Int(0) - count;
    for (FeedEvent* event : list) {
      seqs.push_back(++seq);
      types.push_back(std::move(event->type));
      payloads.push_back(std::move(event->payload));
      times.push_back(event->time);
    }
    MO_RETURN_IF_ERROR(tx.Run(kInsert, account_id, seqs, types, payloads, times));
  }
  return absl::OkStatus();
}

constexpr char kHeads[] = "SELECT account_id, seq FROM edge.feed_heads WHERE account_id = ANY($1)";

absl::StatusOr<std::map<int64_t, int64_t>> FeedStore::Heads(const std::vector<int64_t>& accounts) {
  using Heads = std::map<int64_t, int64_t>;
  return database_.AsSystem([&](storage::Transaction& tx) -> absl::StatusOr<Heads> {
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
  return database_.As(account_id, [&](storage::Transaction& tx) -> absl::StatusOr<Events> {
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
  return database_.As(account_id, [&](storage::Transaction& tx) -> absl::StatusOr<int64_t> {
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
