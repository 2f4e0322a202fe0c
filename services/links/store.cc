#include "services/links/store.h"

#include "absl/strings/numbers.h"
#include "libs/runtime/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "services/links/errors.h"

namespace mo::links {
namespace {

// Columns in the order that FromRow reads.
#define LINK_COLUMNS                                                                              \
  "id, code, target_url, display_name, create_time, expire_time, utm, broadcast_id, channel_id, " \
  "message_id, contact_id, version"

v1::Link FromRow(const storage::Row& row) {
  v1::Link link;
  link.set_id(FormatId("lnk", row.Int(0)));
  link.set_code(row.String(1));
  link.set_target_url(row.String(2));
  link.set_display_name(row.String(3));
  *link.mutable_create_time() = ToProto(row.Time(4));
  if (!row.IsNull(5)) *link.mutable_expire_time() = ToProto(row.Time(5));
  if (const std::string utm = row.String(6); !utm.empty()) link.mutable_utm()->ParseFromString(utm);
  const AssignmentRow assignment(row.Int(7), row.Int(8), row.Int(9), row.Int(10));
  if (!assignment.empty()) *link.mutable_assignment() = assignment.ToProto();
  link.set_etag(absl::StrCat(row.Int(11)));
  return link;
}

std::vector<v1::Link> FromRows(const storage::Result& rows) {
  std::vector<v1::Link> links;
  for (const storage::Row row : rows) links.push_back(FromRow(row));
  return links;
}

constexpr char kInsertLinks[] =
    "INSERT INTO links.links (account_id, id, code, target_url, display_name, create_time, "
    "expire_time, utm, broadcast_id, channel_id, message_id, contact_id) "
    "SELECT $1, id, code, target_url, display_name, create_time, expire_time, utm, broadcast_id, "
    "channel_id, message_id, contact_id FROM unnest((SELECT $2::bigint[]), (SELECT $3::text[]), "
    "(SELECT $4::text[]), (SELECT $5::text[]), (SELECT $6::timestamptz[]), "
    "(SELECT $7::timestamptz[]), (SELECT $8::bytea[]), (SELECT $9::bigint[]), "
    "(SELECT $10::bigint[]), (SELECT $11::bigint[]), (SELECT $12::bigint[])) AS l (id, code, "
    "target_url, display_name, create_time, expire_time, utm, broadcast_id, channel_id, "
    "message_id, contact_id)";

constexpr char kSelectLink[] =
    "SELECT " LINK_COLUMNS
    " FROM links.links WHERE account_id = $1 AND id = $2 AND delete_time IS NULL";
constexpr char kLockLink[] =
    "SELECT " LINK_COLUMNS
    " FROM links.links WHERE account_id = $1 AND id = $2 AND delete_time IS NULL FOR UPDATE";

absl::StatusOr<v1::Link> One(absl::StatusOr<storage::Result> rows) {
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return LinkNotFound();
  return FromRow((*rows)[0]);
}

std::string Id(absl::string_view prefix, int64_t id) {
  return id == 0 ? std::string() : FormatId(prefix, id);
}

}  // namespace

AssignmentRow::AssignmentRow(const v1::LinkAssignment& assignment)
    : AssignmentRow(IdOf(assignment.broadcast_id()), IdOf(assignment.channel_id()),
                    IdOf(assignment.message_id()), IdOf(assignment.contact_id())) {}

v1::LinkAssignment AssignmentRow::ToProto() const {
  v1::LinkAssignment assignment;
  assignment.set_broadcast_id(Id("brd", broadcast_id));
  assignment.set_channel_id(Id("chn", channel_id));
  assignment.set_message_id(Id("msg", message_id));
  assignment.set_contact_id(Id("con", contact_id));
  return assignment;
}

absl::Status InsertLink(storage::Transaction& tx, int64_t id, const v1::Link& link) {
  v1::Link copy = link;
  copy.set_id(FormatId("lnk", id));
  return InsertLinks(tx, {copy});
}

absl::Status InsertLinks(storage::Transaction& tx, const std::vector<v1::Link>& links) {
  std::vector<int64_t> ids, broadcasts, channels, messages, contacts;
  std::vector<std::string> codes, targets, names, utms;
  std::vector<absl::Time> created, expire;
  for (const v1::Link& link : links) {
    ids.push_back(IdOf(link.id()));
    codes.push_back(link.code());
    targets.push_back(link.target_url());
    names.push_back(link.display_name());
    utms.push_back(link.utm().SerializeAsString());
    created.push_back(FromProto(link.create_time()));
    expire.push_back(FromProto(link.expire_time()));
    const AssignmentRow assignment(link.assignment());
    broadcasts.push_back(assignment.broadcast_id);
    channels.push_back(assignment.channel_id);
    messages.push_back(assignment.message_id);
    contacts.push_back(assignment.contact_id);
  }
  std::vector<storage::Bytes> bytes;
  for (const std::string& utm : utms) bytes.push_back({utm});
  return tx.Run(kInsertLinks, tx.account_id(), ids, codes, targets, names, created, expire, bytes,
                broadcasts, channels, messages, contacts);
}

absl::StatusOr<v1::Link> SelectLink(storage::Transaction& tx, int64_t id) {
  return One(tx.Query(kSelectLink, tx.account_id(), id));
}

absl::StatusOr<v1::Link> LockLink(storage::Transaction& tx, int64_t id) {
  return One(tx.Query(kLockLink, tx.account_id(), id));
}

constexpr char kSelectLinksByCode[] =
    "SELECT " LINK_COLUMNS
    " FROM links.links WHERE account_id = $1 AND code = ANY($2::text[]) AND delete_time IS NULL";
absl::StatusOr<std::vector<v1::Link>> SelectLinksByCode(storage::Transaction& tx,
                                                        const std::vector<std::string>& codes) {
  if (codes.empty()) return std::vector<v1::Link>();
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectLinksByCode, tx.account_id(), codes));
  return FromRows(rows);
}

constexpr char kSelectLinks[] = "SELECT " LINK_COLUMNS
                                " FROM links.links WHERE account_id = $1 AND id < $2 AND "
                                "delete_time IS NULL ORDER BY id DESC LIMIT $3";
constexpr char kSelectLinksOf[] =
    "SELECT " LINK_COLUMNS
    " FROM links.links WHERE account_id = $1 AND id < $2 AND delete_time IS NULL AND "
    "($4 = 0 OR broadcast_id = $4) AND ($5 = 0 OR channel_id = $5) ORDER BY id DESC LIMIT $3";
absl::StatusOr<std::vector<v1::Link>> SelectLinks(storage::Transaction& tx,
                                                  const LinkFilter& filter, int32_t limit) {
  const bool all = filter.broadcast_id == 0 && filter.channel_id == 0;
  MO_ASSIGN_OR_RETURN(storage::Result rows,
                      all ? tx.Query(kSelectLinks, tx.account_id(), filter.before, limit)
                          : tx.Query(kSelectLinksOf, tx.account_id(), filter.before, limit,
                                     filter.broadcast_id, filter.channel_id));
  return FromRows(rows);
}

constexpr char kUpdateLink[] =
    "UPDATE links.links SET target_url = $3, display_name = $4, expire_time = $5, utm = $6, "
    "version = $7 WHERE account_id = $1 AND id = $2";
void UpdateLink(storage::Transaction& tx, v1::Link& link) {
  int64_t version = 0;
  (void)absl::SimpleAtoi(link.etag(), &version);  // ours
  const std::string utm = link.utm().SerializeAsString();
  tx.Defer(kUpdateLink, tx.account_id(), IdOf(link.id()), link.target_url(), link.display_name(),
           FromProto(link.expire_time()), storage::Bytes{utm}, version + 1);
  link.set_etag(absl::StrCat(version + 1));
}

constexpr char kDeleteLink[] =
    "UPDATE links.links SET delete_time = $3 WHERE account_id = $1 AND id = $2 AND delete_time IS "
    "NULL";
absl::Status DeleteLink(storage::Transaction& tx, int64_t id, absl::Time now) {
  MO_ASSIGN_OR_RETURN(storage::Result updated, tx.Query(kDeleteLink, tx.account_id(), id, now));
  return updated.affected() == 0 ? LinkNotFound() : absl::OkStatus();
}

}  // namespace mo::links
