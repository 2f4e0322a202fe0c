#include "libs/events/offsets.h"

#include "absl/strings/str_cat.h"
#include "libs/runtime/status.h"

namespace mo::events {
namespace {

std::string InsertSql(const std::string& schema) {
  return absl::StrCat("INSERT INTO ", schema,
                      ".event_offsets (consumer, source, partition, id)"
                      " SELECT $1, $2, p, 0 FROM unnest((SELECT $3::smallint[])) p"
                      " ON CONFLICT DO NOTHING");
}

std::string LoadSql(const std::string& schema) {
  return absl::StrCat("SELECT partition, id FROM ", schema,
                      ".event_offsets WHERE consumer = $1 AND source = $2"
                      " AND partition = ANY($3::smallint[])");
}

std::string MoveSql(const std::string& schema) {
  return absl::StrCat(
      "UPDATE ", schema,
      ".event_offsets o SET id = step.target FROM unnest((SELECT $3::smallint[]),"
      " (SELECT $4::bigint[]), (SELECT $5::bigint[])) AS step (partition, origin, target)"
      " WHERE o.consumer = $1 AND o.source = $2 AND o.partition = step.partition"
      " AND o.id = step.origin");
}

}  // namespace

Offsets::Offsets(storage::Database& database, std::string consumer, std::string source)
    : database_(database),
      consumer_(std::move(consumer)),
      source_(std::move(source)),
      insert_sql_(InsertSql(database.service())),
      load_sql_(LoadSql(database.service())),
      move_sql_(MoveSql(database.service())) {}

absl::StatusOr<std::map<int, Position>> Offsets::Load(const std::vector<int>& partitions) {
  const std::vector<int16_t> numbers(partitions.begin(), partitions.end());
  using Map = std::map<int, Position>;
  return database_.AsSystem([&](storage::Transaction& tx) -> absl::StatusOr<Map> {
    MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(load_sql_, consumer_, source_, numbers));
    if (rows.size() < static_cast<int>(numbers.size())) {
      MO_RETURN_IF_ERROR(tx.Run(insert_sql_, consumer_, source_, numbers));
      MO_ASSIGN_OR_RETURN(rows, tx.Query(load_sql_, consumer_, source_, numbers));
    }
    Map offsets;
    for (const storage::Row row : rows) {
      offsets[static_cast<int>(row.Int(0))] = row.Int(1);
    }
    return offsets;
  });
}

absl::StatusOr<bool> Offsets::Move(storage::Transaction& tx, const std::vector<Step>& steps) {
  std::vector<int16_t> partitions;
  std::vector<int64_t> from, to;
  for (const Step& step : steps) {
    partitions.push_back(static_cast<int16_t>(step.partition));
    from.push_back(step.from);
    to.push_back(step.to);
  }
  MO_ASSIGN_OR_RETURN(const storage::Result moved,
                      tx.Query(move_sql_, consumer_, source_, partitions, from, to));
  return moved.affected() == static_cast<int64_t>(steps.size());
}

}  // namespace mo::events
