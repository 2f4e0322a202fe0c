#include "libs/events/keys.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/events/events.h"

namespace mo::events {

std::string StreamKey(absl::string_view service, int partition) {
  return absl::StrCat("mo:{", service, "}:events:", partition);
}
std::string AcksKey(absl::string_view service) { return absl::StrCat("mo:{", service, "}:acks"); }
std::string ReplaysKey(absl::string_view service) {
  return absl::StrCat("mo:{", service, "}:replays");
}
std::string ReplayKey(absl::string_view service, absl::string_view field) {
  return absl::StrCat("mo:{", service, "}:replay:", field);
}
std::string KickChannel(absl::string_view service) {
  return absl::StrCat("mo:{", service, "}:kick");
}

std::string ConsumerField(absl::string_view consumer, int partition) {
  return absl::StrCat(consumer, "/", partition);
}

int PartitionOfField(absl::string_view field) {
  int partition = -1;
  const size_t slash = field.rfind('/');
  if (slash == absl::string_view::npos || !absl::SimpleAtoi(field.substr(slash + 1), &partition) ||
      partition < 0 || partition >= kPartitions) {
    return -1;
  }
  return partition;
}

absl::string_view ConsumerOfField(absl::string_view field) {
  return field.substr(0, field.rfind('/'));
}

uint64_t StableHash(absl::string_view data) {
  uint64_t hash = 14695981039346656037u;
  for (const char c : data) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  // FNV-1a leaves the bits of short strings unmixed; this is the finalizer of MurmurHash3.
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdu;
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53u;
  return hash ^ (hash >> 33);
}

int64_t LockKey(absl::string_view name) { return static_cast<int64_t>(StableHash(name)); }

int PartitionOf(absl::string_view partition_key) {
  return static_cast<int>(StableHash(partition_key) % kPartitions);
}

}  // namespace mo::events
