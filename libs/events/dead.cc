#include "libs/events/dead.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "libs/runtime/status.h"

namespace mo::events {
namespace {

constexpr size_t kMaxErrorBytes = 1000;
// One row whose replay is asked for.
constexpr char kOne[] =
    " WHERE consumer = $1 AND source = $2 AND partition = $3 AND id = $4"
    " AND replay_time IS NOT NULL";
// Rows of partitions.
constexpr char kOfPartitions[] =
    " WHERE consumer = $1 AND source = $2 AND partition = ANY($3::smallint[])";

std::string TextOf(const absl::Status& error) {
  return absl::CEscape(error.ToString()).substr(0, kMaxErrorBytes);
}

}  // namespace

DeadEvents::DeadEvents(storage::Database& database, std::string consumer, std::string source)
    : database_(database),
      consumer_(std::move(consumer)),
      source_(std::move(source)),
      park_sql_(absl::StrCat("INSERT INTO ", database.service(),
                             ".dead_events (account_id, consumer, source, partition, id, type,"
                             " envelope, error) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
                             " ON CONFLICT DO NOTHING")),
      count_sql_(absl::StrCat("SELECT count(*) FROM (SELECT 1 FROM ", database.service(),
                              ".dead_events", kOfPartitions, " LIMIT 10000) AS parked")),
      marked_sql_(absl::StrCat("SELECT partition, id FROM ", database.service(), ".dead_events",
                               kOfPartitions,
                               " AND replay_time IS NOT NULL ORDER BY id LIMIT 100")),
      load_sql_(absl::StrCat("SELECT envelope FROM ", database.service(), ".dead_events", kOne)),
      delete_sql_(absl::StrCat("DELETE FROM ", database.service(), ".dead_events", kOne)),
      refuse_sql_(absl::StrCat("UPDATE ", database.service(),
                               ".dead_events SET replay_time = NULL, attempts = attempts + 1,"
                               " error = $5",
                               kOne)) {}

absl::Status DeadEvents::Park(storage::Transaction& tx, const Event& event,
                              const absl::Status& error) {
  return tx.Run(park_sql_, event.envelope.account_id(), consumer_, source_,
                static_cast<int16_t>(event.partition), event.id, event.envelope.type(),
                storage::Bytes{event.envelope.SerializeAsString()}, TextOf(error));
}

absl::StatusOr<DeadEvents::Look> DeadEvents::At(const std::vector<int>& partitions) {
  const std::vector<int16_t> numbers(partitions.begin(), partitions.end());
  return database_.ReadAsSystem([&](storage::Transaction& tx) -> absl::StatusOr<Look> {
    storage::Pending count = tx.Ask(count_sql_, consumer_, source_, numbers);
    MO_ASSIGN_OR_RETURN(const storage::Result marked,
                        tx.Query(marked_sql_, consumer_, source_, numbers));
    MO_ASSIGN_OR_RETURN(const storage::Result parked, count.Get());
    Look look{parked[0].Int(0), {}};
    for (const storage::Row row : marked) {
      look.marked.push_back({static_cast<int>(row.Int(0)), row.Int(1)});
    }
    return look;
  });
}

absl::StatusOr<std::optional<Event>> DeadEvents::Load(storage::Transaction& tx, Key key) {
  MO_ASSIGN_OR_RETURN(
      const storage::Result rows,
      tx.Query(load_sql_, consumer_, source_, static_cast<int16_t>(key.partition), key.id));
  if (rows.empty()) return std::nullopt;
  Event event{source_, key.partition, key.id, {}};
  if (!event.envelope.ParseFromString(rows[0].String(0))) {
    return absl::DataLossError("not an envelope");
  }
  return event;
}

absl::StatusOr<bool> DeadEvents::Delete(storage::Transaction& tx, Key key) {
  MO_ASSIGN_OR_RETURN(
      const storage::Result deleted,
      tx.Query(delete_sql_, consumer_, source_, static_cast<int16_t>(key.partition), key.id));
  return deleted.affected() == 1;
}

absl::Status DeadEvents::Refuse(Key key, const absl::Status& error) {
  return database_.AsSystem([&](storage::Transaction& tx) {
    return tx.Run(refuse_sql_, consumer_, source_, static_cast<int16_t>(key.partition), key.id,
                  TextOf(error));
  });
}

}  // namespace mo::events
