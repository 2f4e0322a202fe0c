#include "services/media/store.h"

#include "libs/runtime/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "services/media/errors.h"

namespace mo::media {
namespace {

#define FILE_COLUMNS \
  "sha256, kind, mime_type, size_bytes, width, height, filename, create_time, id "

StoredFile FromRow(const storage::Row& row) {
  StoredFile stored;
  stored.sha256 = row.String(0);
  v1::MediaFile& file = stored.file;
  file.set_id(FormatId("med", row.Int(8)));
  file.set_kind(static_cast<messageorganizer::common::v1::MediaKind>(row.Int(1)));
  file.set_mime_type(row.String(2));
  file.set_size_bytes(row.Int(3));
  file.set_width(row.Get<int32_t>(4));
  file.set_height(row.Get<int32_t>(5));
  file.set_filename(row.String(6));
  *file.mutable_create_time() = ToProto(row.Time(7));
  return stored;
}

}  // namespace

constexpr char kInsertFile[] =
    "INSERT INTO media.files (account_id, id, sha256, kind, mime_type, size_bytes, width, height, "
    "filename, create_time) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
absl::Status InsertFile(storage::Transaction& tx, int64_t id, const std::string& sha256,
                        const v1::MediaFile& file) {
  return tx.Run(kInsertFile, tx.account_id(), id, storage::Bytes{sha256},
                static_cast<int16_t>(file.kind()), file.mime_type(), file.size_bytes(),
                file.width(), file.height(), file.filename(), FromProto(file.create_time()));
}

constexpr char kInsertInboundFile[] =
    "INSERT INTO media.files (account_id, id, sha256, kind, mime_type, size_bytes, width, height, "
    "filename, create_time, inbound_key) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) "
    "ON CONFLICT (account_id, inbound_key) WHERE inbound_key IS NOT NULL DO NOTHING";
absl::StatusOr<bool> InsertInboundFile(storage::Transaction& tx, int64_t id,
                                       const std::string& sha256, const v1::MediaFile& file,
                                       const std::string& key) {
  MO_ASSIGN_OR_RETURN(
      storage::Result inserted,
      tx.Query(kInsertInboundFile, tx.account_id(), id, storage::Bytes{sha256},
               static_cast<int16_t>(file.kind()), file.mime_type(), file.size_bytes(), file.width(),
               file.height(), file.filename(), FromProto(file.create_time()), key));
  return inserted.affected() == 1;
}

constexpr char kFindInboundFile[] =
    "SELECT " FILE_COLUMNS "FROM media.files WHERE account_id = $1 AND inbound_key = $2";
absl::StatusOr<std::optional<v1::MediaFile>> FindInboundFile(storage::Transaction& tx,
                                                             const std::string& key) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kFindInboundFile, tx.account_id(), key));
  if (rows.empty()) return std::nullopt;
  return FromRow(rows[0]).file;
}

constexpr char kSelectFile[] =
    "SELECT " FILE_COLUMNS "FROM media.files WHERE account_id = $1 AND id = $2";
absl::StatusOr<StoredFile> SelectFile(storage::Transaction& tx, int64_t id) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectFile, tx.account_id(), id));
  if (rows.empty()) return MediaNotFound();
  return FromRow(rows[0]);
}

}  // namespace mo::media
