#include "services/media/folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "services/media/errors.h"

namespace mo::media {
namespace {

// No writer takes this long; older temporary files have lost theirs.
constexpr auto kTemporaryAge = std::chrono::hours(1);

absl::Status Failed(const char* operation) {
  Log(LogLevel::kError, "media folder failed",
      {{"operation", operation}, {"error", std::strerror(errno)}});
  return StorageUnavailable();
}

absl::Status MakeFolder(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  return Failed("mkdir");
}

// Names that were added to a folder survive a loss of power only after this.
absl::Status SyncFolder(const std::string& path) {
  const int folder = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return Failed("open folder");
  const int result = fsync(folder);
  close(folder);
  return result == 0 ? absl::OkStatus() : Failed("fsync folder");
}

absl::Status WriteSynced(const std::string& path, absl::string_view data) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return Failed("create");
  absl::Cleanup closer = [file] { close(file); };
  while (!data.empty()) {
    const ssize_t written = write(file, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Failed("write");
    data.remove_prefix(static_cast<size_t>(written));
  }
  return fsync(file) == 0 ? absl::OkStatus() : Failed("fsync");
}

// Where a content of an account lies.
struct Place {
  Place(const std::string& root, int64_t account_id, absl::string_view sha256) {
    const std::string name = absl::BytesToHexString(sha256);
    account = absl::StrCat(root, "/", FormatId("acc", account_id));
    folder = absl::StrCat(account, "/", name.substr(0, 2));
    file = absl::StrCat(folder, "/", name);
  }
  std::string account;
  std::string folder;
  std::string file;
};

}  // namespace

absl::Status Folder::Open() const {
  std::error_code error;
  std::filesystem::create_directories(root_ + "/tmp", error);
  if (error) return absl::UnavailableError(absl::StrCat(root_, "/tmp: ", error.message()));
  const auto now = std::filesystem::file_time_type::clock::now();
  for (const auto& entry : std::filesystem::directory_iterator(root_ + "/tmp", error)) {
    std::error_code gone;  // another process cleans up as well
    const auto time = entry.last_write_time(gone);
    if (!gone && now - time > kTemporaryAge) std::filesystem::remove(entry.path(), gone);
  }
  return SyncFolder(root_);
}

absl::Status Folder::Write(int64_t account_id, absl::string_view sha256,
                           absl::string_view data) const {
  static std::atomic<uint64_t> counter = 0;
  const Place place(root_, account_id, sha256);
  const std::string temporary =
      absl::StrCat(root_, "/tmp/", getpid(), "-", absl::GetCurrentTimeNanos(), "-", ++counter);
  // Dying from here on leaves a temporary file, which Open deletes.
  absl::Cleanup remover = [&] { unlink(temporary.c_str()); };
  MO_RETURN_IF_ERROR(WriteSynced(temporary, data));
  // Synced even when they were there: whoever made them may have died before he did.
  MO_RETURN_IF_ERROR(MakeFolder(place.account));
  MO_RETURN_IF_ERROR(SyncFolder(root_));
  MO_RETURN_IF_ERROR(MakeFolder(place.folder));
  MO_RETURN_IF_ERROR(SyncFolder(place.account));
  // Replaces an equal file at once, so that readers see the one or the other; heals a rotten one.
  if (rename(temporary.c_str(), place.file.c_str()) != 0) return Failed("rename");
  // Dying here leaves a whole file that no row names; the client's next try takes it over.
  return SyncFolder(place.folder);
}

absl::StatusOr<std::string> Folder::Read(int64_t account_id, absl::string_view sha256,
                                         int64_t size) const {
  const Place place(root_, account_id, sha256);
  const int file = open(place.file.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return MediaLost();
  absl::Cleanup closer = [file] { close(file); };
  struct stat info {};
  if (fstat(file, &info) != 0 || info.st_size != size) return MediaLost();
  std::string data(static_cast<size_t>(size), '\0');
  size_t done = 0;
  while (done < data.size()) {
    const ssize_t got = read(file, data.data() + done, data.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return MediaLost();
    done += static_cast<size_t>(got);
  }
  return data;
}

}  // namespace mo::media
