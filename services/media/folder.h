// The folder that holds the bytes of files.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mo::media {

// <root>/acc_…/<aa>/<sha256>: named by content, in each account by itself, so that no account can
// tell what another one has, and an account's folder can go as a whole. Processes may share it.
//
// After any crash, of the process or the machine, a name leads to the whole content or is not
// there: a file gets its name only after its bytes are on disk, and nobody writes to it again.
class Folder {
 public:
  explicit Folder(std::string root) : root_(std::move(root)) {}

  // Makes the folder and deletes what writers that died have left behind.
  absl::Status Open() const;
  // When it returns OK, the bytes and their name survive a loss of power. Writing the same content
  // again is harmless, also at the same time. STORAGE_UNAVAILABLE.
  absl::Status Write(int64_t account_id, absl::string_view sha256, absl::string_view data) const;
  // MEDIA_LOST when it is missing or of another size.
  absl::StatusOr<std::string> Read(int64_t account_id, absl::string_view sha256,
                                   int64_t size) const;

 private:
  const std::string root_;
};

}  // namespace mo::media
