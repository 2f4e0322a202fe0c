#include "services/links/store.h"

#include "libs/runtime/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "services/links/errors.h"

namespace mo::links {
namespace {

// Columns in the order that FromRow reads.
#define LINK_COLUMNS "id, code, target_url, display_name, create_time, expire_time"

v1::Link FromRow(const storage::Row& row) {
  v1::Link link;
  link.set_id(FormatId("lnk", row.Int(0)));
  link.set_code(row.String(1));
  link.set_target_url(row.String(2));
  link.set_display_name(row.String(3));
  *link.mutable_create_time() = ToProto(row.Time(4));
  if (!row.IsNull(5)) *link.mutable_expire_time() = ToProto(row.Time(5));
  return link;
}

}  // namespace

constexpr char kInsertLink[] =
    "INSERT INTO links.links (account_id, id, code, target_url, display_name, create_time, "
    "expire_time) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7)";
absl::Status InsertLink(storage::Transaction& tx, int64_t id, const v1::Link& link) {
  return tx.Run(kInsertLink, tx.account_id(), id, link.code(), link.target_url(),
                link.display_name(), FromProto(link.create_time()), FromProto(link.expire_time()));
}

constexpr char kSelectLink[] =
    "SELECT " LINK_COLUMNS
    " FROM links.links WHERE account_id = $1 AND id = $2 AND delete_time IS NULL";
absl::StatusOr<v1::Link> SelectLink(storage::Transaction& tx, int64_t id) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectLink, tx.account_id(), id));
  if (rows.empty()) return LinkNotFound();
  return FromRow(rows[0]);
}

constexpr char kSelectLinks[] = "SELECT " LINK_COLUMNS
                                " FROM links.links WHERE account_id = $1 AND id < $2 AND "
                                "delete_time IS NULL ORDER BY id DESC LIMIT $3";
absl::StatusOr<std::vector<v1::Link>> SelectLinks(storage::Transaction& tx, int64_t before,
                                                  int32_t limit) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectLinks, tx.account_id(), before, limit));
  std::vector<v1::Link> links;
  for (const storage::Row row : rows) links.push_back(FromRow(row));
  return links;
}

constexpr char kDeleteLink[] =
    "UPDATE links.links SET delete_time = $3 WHERE account_id = $1 AND id = $2 AND delete_time IS "
    "NULL";
absl::Status DeleteLink(storage::Transaction& tx, int64_t id, absl::Time now) {
  MO_ASSIGN_OR_RETURN(storage::Result updated, tx.Query(kDeleteLink, tx.account_id(), id, now));
  return updated.affected() == 0 ? LinkNotFound() : absl::OkStatus();
}

}  // namespace mo::links
