#include "services/media/media.h"

#include <openssl/sha.h>

#include <algorithm>

#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "services/media/errors.h"
#include "services/media/store.h"

namespace mo::media {
namespace {

std::string Sha256(absl::string_view data) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(data.data()), data.size(), digest);
  return std::string(reinterpret_cast<char*>(digest), sizeof(digest));
}

bool IsBad(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '/' || c == '\\';
}

// What somebody calls a file, made a name that CheckFilename takes.
std::string SafeFilename(std::string name) {
  std::replace_if(name.begin(), name.end(), IsBad, '_');
  return name == "." || name == ".." ? "_" : name;
}

// The name ends up in headers and on recipients' disks.
absl::Status CheckFilename(const std::string& name) {
  const bool bad = std::any_of(name.begin(), name.end(), IsBad);
  if (!bad && name != "." && name != "..") return absl::OkStatus();
  return InvalidField("filename", "BAD_FORMAT",
                      "must be a file's name without folders and control characters");
}

}  // namespace

Media::Media(App& app, storage::Database& database, const Folder& folder)
    : app_(app),
      database_(database),
      folder_(folder),
      stored_bytes_(app.metrics().Counter("mo_media_stored_bytes_total", "Bytes of stored files")),
      refused_(app.metrics().Counter("mo_media_refused_total",
                                     "Files refused for their size, type or dimensions")) {}

v1::MediaFile Media::Describe(const Recognized& recognized, size_t bytes, std::string filename) {
  v1::MediaFile file;
  file.set_id(FormatId("med", app_.ids().Next()));
  file.set_kind(recognized.kind);
  file.set_mime_type(recognized.mime_type);
  file.set_size_bytes(static_cast<int64_t>(bytes));
  file.set_width(recognized.width);
  file.set_height(recognized.height);
  file.set_filename(std::move(filename));
  *file.mutable_create_time() = ToProto(app_.clock().Now());
  return file;
}

absl::StatusOr<v1::MediaFile> Media::Upload(const Caller& caller,
                                            const v1::UploadMediaRequest& request) {
  MO_RETURN_IF_ERROR(CheckFilename(request.filename()));
  absl::StatusOr<Recognized> recognized = Recognize(request.data());
  if (!recognized.ok()) {
    refused_.Increment();
    return recognized.status();
  }
  const v1::MediaFile file = Describe(*recognized, request.data().size(), request.filename());

  // First the bytes, then the row: a crash between them leaves bytes that nobody asks for, and that
  // the client's next try finds and uses. The other way round it would leave a promise.
  const std::string sha256 = Sha256(request.data());
  MO_RETURN_IF_ERROR(folder_.Write(caller.account_id, sha256, request.data()));
  absl::StatusOr<v1::MediaFile> stored = database_.Once<v1::MediaFile>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::MediaFile> {
        MO_RETURN_IF_ERROR(InsertFile(tx, IdOf(file.id()), sha256, file));
        return file;
      });
  if (stored.ok()) stored_bytes_.Increment(static_cast<double>(request.data().size()));
  return stored;
}

absl::StatusOr<v1::MediaFile> Media::StoreInbound(const Caller& caller,
                                                  const v1::StoreInboundMediaRequest& request) {
  if (request.data().size() > kMaxFileBytes) return MediaTooLarge(kMaxFileBytes);
  const auto find = [&](storage::Transaction& tx) { return FindInboundFile(tx, request.key()); };
  MO_ASSIGN_OR_RETURN(std::optional<v1::MediaFile> known,
                      database_.ReadAs(caller.account_id, find));
  if (known) return *std::move(known);
  const v1::MediaFile file = Describe(RecognizeInbound(request.data(), request.mime_type()),
                                      request.data().size(), SafeFilename(request.filename()));
  // As at an upload: first the bytes.
  const std::string sha256 = Sha256(request.data());
  MO_RETURN_IF_ERROR(folder_.Write(caller.account_id, sha256, request.data()));
  MO_ASSIGN_OR_RETURN(const bool inserted,
                      database_.As(caller.account_id, [&](storage::Transaction& tx) {
                        return InsertInboundFile(tx, IdOf(file.id()), sha256, file, request.key());
                      }));
  if (inserted) {
    stored_bytes_.Increment(static_cast<double>(request.data().size()));
    return file;
  }
  // Another call was faster.
  MO_ASSIGN_OR_RETURN(known, database_.ReadAs(caller.account_id, find));
  if (!known) return StorageUnavailable();
  return *std::move(known);
}

absl::StatusOr<v1::MediaFile> Media::Get(const Caller& caller, const v1::GetMediaRequest& request) {
  MO_ASSIGN_OR_RETURN(StoredFile stored,
                      database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
                        return SelectFile(tx, IdOf(request.id()));
                      }));
  return std::move(stored.file);
}

absl::StatusOr<google::api::HttpBody> Media::Download(const Caller& caller,
                                                      const v1::DownloadMediaRequest& request) {
  MO_ASSIGN_OR_RETURN(StoredFile stored,
                      database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
                        return SelectFile(tx, IdOf(request.id()));
                      }));
  google::api::HttpBody body;
  body.set_content_type(stored.file.mime_type());
  MO_ASSIGN_OR_RETURN(*body.mutable_data(),
                      folder_.Read(caller.account_id, stored.sha256, stored.file.size_bytes()));
  // A rotten disk must not send somebody else's idea of a file to a thousand people.
  if (Sha256(body.data()) != stored.sha256) return MediaLost();
  return body;
}

}  // namespace mo::media
