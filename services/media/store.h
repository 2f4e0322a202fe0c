// The media service's table.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "libs/storage/transaction.h"
#include "messageorganizer/media/v1/media.pb.h"

namespace mo::media {

namespace v1 = messageorganizer::media::v1;

// A file and where its bytes are.
struct StoredFile {
  v1::MediaFile file;
  std::string sha256;  // 32 bytes
};

absl::Status InsertFile(storage::Transaction& tx, int64_t id, const std::string& sha256,
                        const v1::MediaFile& file);
// A file that somebody has sent; `key` is the caller's name of it. False: there is one of that key.
absl::StatusOr<bool> InsertInboundFile(storage::Transaction& tx, int64_t id,
                                       const std::string& sha256, const v1::MediaFile& file,
                                       const std::string& key);
// Nothing when there is none of that key.
absl::StatusOr<std::optional<v1::MediaFile>> FindInboundFile(storage::Transaction& tx,
                                                             const std::string& key);
// MEDIA_NOT_FOUND when the account has no such file.
absl::StatusOr<StoredFile> SelectFile(storage::Transaction& tx, int64_t id);

}  // namespace mo::media
