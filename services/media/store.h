// The media service's table.
#pragma once

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
// MEDIA_NOT_FOUND when the account has no such file.
absl::StatusOr<StoredFile> SelectFile(storage::Transaction& tx, int64_t id);

}  // namespace mo::media
