#include "services/links/spool.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"

namespace mo::links {
namespace {

constexpr char kEnding[] = ".clicks";
constexpr size_t kDelivery = 64;
// A record: length of id and payload, checksum of them, they themselves.
constexpr size_t kHead = sizeof(uint32_t) + sizeof(uint64_t);

absl::Status Errno(absl::string_view what, const std::string& path) {
  return absl::UnavailableError(absl::StrCat(what, " ", path, ": ", std::strerror(errno)));
}

// Against what a crash leaves, not against anybody's will.
uint64_t Checksum(absl::string_view data) {
  constexpr unsigned char kKey[crypto_shorthash_KEYBYTES] = {};
  uint64_t sum;
  crypto_shorthash(reinterpret_cast<unsigned char*>(&sum),
                   reinterpret_cast<const unsigned char*>(data.data()), data.size(), kKey);
  return sum;
}

std::string Encoded(const ClickBatchRecord& record) {
  const std::string data = absl::StrCat(record.id, record.payload);
  const auto length = static_cast<uint32_t>(data.size());
  const uint64_t sum = Checksum(data);
  std::string bytes(kHead, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  std::memcpy(bytes.data() + sizeof length, &sum, sizeof sum);
  return bytes + data;
}

// The whole record at the front, taken off; nothing where there is none.
std::optional<ClickBatchRecord> TakeRecord(absl::string_view& bytes) {
  uint32_t length;
  uint64_t sum;
  if (bytes.size() < kHead) return std::nullopt;
  std::memcpy(&length, bytes.data(), sizeof length);
  std::memcpy(&sum, bytes.data() + sizeof length, sizeof sum);
  if (length < Spool::kIdBytes || bytes.size() - kHead < length) return std::nullopt;
  const absl::string_view data = bytes.substr(kHead, length);
  if (Checksum(data) != sum) return std::nullopt;
  bytes.remove_prefix(kHead + length);
  return ClickBatchRecord{std::string(data.substr(0, Spool::kIdBytes)),
                          std::string(data.substr(Spool::kIdBytes))};
}

// Gives a file's records away; those behind damage are lost, which is said.
absl::StatusOr<int64_t> DeliverFile(
    const std::string& path,
    const std::function<absl::Status(std::vector<ClickBatchRecord>)>& keep) {
  std::ifstream file(path, std::ios::binary);
  const std::string content((std::istreambuf_iterator<char>(file)),
                            std::istreambuf_iterator<char>());
  // What cannot be read now must not be taken for empty, and deleted.
  if (!file.is_open() || file.bad()) return Errno("cannot read", path);
  absl::string_view rest = content;
  int64_t kept = 0;
  for (bool more = true; more;) {
    std::vector<ClickBatchRecord> records;
    while (records.size() < kDelivery) {
      std::optional<ClickBatchRecord> record = TakeRecord(rest);
      more = record.has_value();
      if (!more) break;
      records.push_back(*std::move(record));
    }
    kept += static_cast<int64_t>(records.size());
    if (!records.empty()) MO_RETURN_IF_ERROR(keep(std::move(records)));
  }
  if (!rest.empty())
    Log(LogLevel::kWarning, "the end of a click spool is cut off", {{"bytes", rest.size()}});
  return kept;
}

}  // namespace

Spool::~Spool() {
  absl::MutexLock lock(&mutex_);
  End();
}

absl::Status Spool::Open() {
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error) return absl::UnavailableError(absl::StrCat(folder_, ": ", error.message()));
  return absl::OkStatus();
}

absl::Status Spool::Begin() {
  unsigned char name[16];
  randombytes_buf(name, sizeof name);
  const std::string path = absl::StrCat(
      folder_, "/", absl::BytesToHexString({reinterpret_cast<char*>(name), sizeof name}), kEnding);
  file_ = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
  if (file_ < 0) return Errno("cannot make", path);
  // So that no other process takes it for one that was left behind.
  flock(file_, LOCK_EX | LOCK_NB);
  const int folder = open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = folder >= 0 && fsync(folder) == 0;
  if (folder >= 0) close(folder);
  return synced ? absl::OkStatus() : Errno("cannot sync", folder_);
}

void Spool::End() {
  if (file_ >= 0) close(file_);
  file_ = -1;
  file_bytes_ = 0;
}

absl::Status Spool::Append(const ClickBatchRecord& record) {
  absl::MutexLock lock(&mutex_);
  if (bytes_ > kMaxBytes) return absl::ResourceExhaustedError("the click spool is full");
  if (file_bytes_ > kMaxFile) End();
  if (file_ < 0) MO_RETURN_IF_ERROR(Begin());
  const std::string bytes = Encoded(record);
  const ssize_t written = write(file_, bytes.data(), bytes.size());
  if (written == static_cast<ssize_t>(bytes.size()) && fdatasync(file_) == 0) {
    file_bytes_ += written;
    bytes_ += written;
    return absl::OkStatus();
  }
  const absl::Status status = Errno("cannot write to", folder_);
  // What follows a half record could not be read.
  End();
  return status;
}

absl::StatusOr<int64_t> Spool::Deliver(
    const std::function<absl::Status(std::vector<ClickBatchRecord>)>& keep) {
  absl::MutexLock delivery(&deliver_mutex_);
  {
    absl::MutexLock lock(&mutex_);
    End();
    bytes_ = 0;
  }
  int64_t kept = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, error)) {
    const std::string path = entry.path();
    if (entry.path().extension() != kEnding) continue;
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) continue;
    absl::StatusOr<int64_t> delivered = 0;
    if (flock(file, LOCK_EX | LOCK_NB) == 0) {
      delivered = DeliverFile(path, keep);
      if (delivered.ok()) unlink(path.c_str());
    }
    close(file);
    if (!delivered.ok()) return delivered;
    kept += *delivered;
  }
  return kept;
}

}  // namespace mo::links
