#include "libs/events/relay_store.h"

#include <algorithm>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/events/keys.h"
#include "libs/events/locks.h"
#include "libs/runtime/status.h"

namespace mo::events {
namespace {

constexpr size_t kReadLimit = 128;
// Looks at the newest id stop while so many wait for transactions to end.
constexpr size_t kMaxMarks = 64;

// In this order: the subquery is evaluated first. No number is taken when there is nothing new. The
// session remembers the mark for the statement that follows.
std::string MarkSql(const std::string& schema) {
  return absl::StrCat(
      "SELECT s.id, set_config('mo.relay_mark', CASE WHEN s.id > $1"
      " THEN s.id || ' ' || pg_current_xact_id() ELSE '' END, false)"
      " FROM (SELECT coalesce(pg_sequence_last_value('",
      schema, ".outbox_id_seq'), 0) AS id OFFSET 0) s");
}

// The row with n = 0 tells up to where ids are complete.
std::string ReadSql(const std::string& schema) {
  return absl::StrCat(
      "WITH marks AS (SELECT * FROM unnest((SELECT $4::bigint[]), (SELECT $5::text[])) AS m(id, "
      "xid)"
      " UNION ALL SELECT nullif(split_part(new.mark, ' ', 1), '')::bigint,"
      " nullif(split_part(new.mark, ' ', 2), '')"
      " FROM (SELECT current_setting('mo.relay_mark') AS mark) new),"
      " horizon AS MATERIALIZED (SELECT greatest($3, max(m.id)) AS id FROM marks m"
      " WHERE m.xid::xid8 <= pg_snapshot_xmin(pg_current_snapshot()))"
      " SELECT c.n, o.id, o.envelope,"
      " extract(epoch FROM clock_timestamp() - o.create_time)::float8"
      " FROM horizon, unnest((SELECT $1::smallint[]), (SELECT $2::bigint[]))"
      " WITH ORDINALITY AS c(partition, after, n), LATERAL (SELECT * FROM ",
      schema,
      ".outbox WHERE partition = c.partition AND id > c.after AND id <= horizon.id"
      " ORDER BY id LIMIT ",
      kReadLimit, ") o UNION ALL SELECT 0, horizon.id, '', 0 FROM horizon");
}

std::string FloorsSql(const std::string& schema) {
  return absl::StrCat("SELECT partition, min(id) FROM ", schema,
                      ".event_consumers GROUP BY partition");
}

std::string SaveSql(const std::string& schema) {
  return absl::StrCat(
      "INSERT INTO ", schema,
      ".event_consumers AS c (consumer, partition, id)"
      " SELECT * FROM unnest((SELECT $1::text[]), (SELECT $2::smallint[]), (SELECT $3::bigint[]))"
      " ON CONFLICT (consumer, partition) DO UPDATE SET update_time = now(),"
      " id = greatest(c.id, excluded.id)");
}

std::string ForgetSql(const std::string& schema) {
  return absl::StrCat("DELETE FROM ", schema,
                      ".event_consumers WHERE update_time < now() - interval '30 days'");
}

}  // namespace

RelayStore::RelayStore(const storage::Database& database)
    : database_(database),
      lock_key_(LockKey(absl::StrCat("relay/", database.service()))),
      mark_sql_(MarkSql(database.service())),
      read_sql_(ReadSql(database.service())),
      floors_sql_(FloorsSql(database.service())),
      save_sql_(SaveSql(database.service())),
      forget_sql_(ForgetSql(database.service())) {}

absl::StatusOr<bool> RelayStore::Lead() {
  if (!connection_) {
    MO_ASSIGN_OR_RETURN(connection_, database_.Dedicated());
    marks_.clear();
    complete_ = newest_ = 0;
    // An outbox that has just grown has no statistics yet; its index is always right. One plan for
    // all: making one takes longer than most reads.
    MO_RETURN_IF_ERROR(
        connection_
            ->Script(absl::StrCat("SET enable_seqscan = off; SET enable_bitmapscan = off; "
                                  "SET plan_cache_mode = force_generic_plan; ",
                                  kEndIfStopped))
            .status());
  }
  MO_ASSIGN_OR_RETURN(storage::Result locked,
                      Query("SELECT pg_try_advisory_lock($1)", storage::Parameters(lock_key_)));
  return locked[0].Bool(0);
}

absl::StatusOr<storage::Result> RelayStore::Query(const std::string& sql,
                                                  const storage::Parameters& parameters) {
  if (!connection_) return absl::UnavailableError("not connected");
  absl::StatusOr<storage::Result> result = connection_->Query(sql, parameters);
  if (connection_->broken()) connection_.reset();
  return result;
}

void RelayStore::Resign() { connection_.reset(); }

void RelayStore::TakeMark(const storage::Row& row) {
  newest_ = row.Int(0);
  const std::pair<std::string, std::string> mark = absl::StrSplit(row.String(1), ' ');
  int64_t xid = 0;
  if (absl::SimpleAtoi(mark.second, &xid)) marks_.push_back({newest_, xid});
}

absl::StatusOr<Backlog> RelayStore::Read(const std::vector<Cursor>& cursors) {
  if (!connection_) return absl::UnavailableError("not connected");
  std::vector<int16_t> partitions;
  std::vector<int64_t> after, marked;
  std::vector<std::string> xids;
  for (const Cursor& cursor : cursors) {
    partitions.push_back(static_cast<int16_t>(cursor.partition));
    after.push_back(cursor.after);
  }
  for (const Mark& mark : marks_) {
    marked.push_back(mark.id);
    xids.push_back(absl::StrCat(mark.xid));
  }
  const Position last = marks_.empty() ? complete_ : marks_.back().id;
  const Position above = marks_.size() < kMaxMarks ? last : std::numeric_limits<Position>::max();
  connection_->Queue(mark_sql_, storage::Parameters(above));
  connection_->Queue(read_sql_, storage::Parameters(partitions, after, complete_, marked, xids));
  std::vector<absl::StatusOr<storage::Result>> results = connection_->FlushEach();
  if (connection_->broken()) connection_.reset();
  MO_ASSIGN_OR_RETURN(const storage::Result marks, std::move(results[0]));
  MO_ASSIGN_OR_RETURN(const storage::Result result, std::move(results[1]));
  TakeMark(marks[0]);
  Backlog backlog;
  backlog.rows.resize(cursors.size());
  for (const storage::Row row : result) {
    if (row.Int(0) == 0) {
      complete_ = row.Int(1);
      continue;
    }
    backlog.rows[static_cast<size_t>(row.Int(0)) - 1].push_back({row.Int(1), row.String(2)});
    backlog.oldest_age = std::max(backlog.oldest_age, row.Get<double>(3));
  }
  while (!marks_.empty() && marks_.front().id <= complete_) marks_.pop_front();
  backlog.pending = newest_ > complete_;
  for (std::vector<OutboxRow>& rows : backlog.rows) {
    // A lateral join keeps this order, but SQL does not promise it.
    std::sort(rows.begin(), rows.end(),
              [](const OutboxRow& a, const OutboxRow& b) { return a.id < b.id; });
    backlog.more |= rows.size() == kReadLimit;
  }
  return backlog;
}

absl::StatusOr<std::array<Position, kPartitions>> RelayStore::Floors() {
  MO_ASSIGN_OR_RETURN(storage::Result result, Query(floors_sql_, storage::Parameters()));
  std::array<Position, kPartitions> floors{};
  for (const storage::Row row : result) floors.at(static_cast<size_t>(row.Int(0))) = row.Int(1);
  return floors;
}

absl::Status RelayStore::Save(const std::vector<Ack>& acks) {
  std::vector<std::string> consumers;
  std::vector<int16_t> partitions;
  std::vector<int64_t> ids;
  for (const Ack& ack : acks) {
    consumers.push_back(ack.consumer);
    partitions.push_back(static_cast<int16_t>(ack.partition));
    ids.push_back(ack.position);
  }
  if (!acks.empty()) {
    MO_RETURN_IF_ERROR(Query(save_sql_, storage::Parameters(consumers, partitions, ids)).status());
  }
  return Query(forget_sql_, storage::Parameters()).status();
}

}  // namespace mo::events
