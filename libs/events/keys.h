// The names of what a service's events use in Redis. All of a service's keys have one hash tag: in
// a Redis Cluster they lie together, so that one script and one XREAD reach all partitions.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace mo::events {

// The stream of a partition. Entries: id = the event's position, field p = the position of the
// event before it in the partition, field e = the envelope.
std::string StreamKey(absl::string_view service, int partition);
// Hash: how far each consumer's partition has come; field ConsumerField.
std::string AcksKey(absl::string_view service);
// Hash: from where on a consumer's partition misses events that the stream no longer has; field
// ConsumerField.
std::string ReplaysKey(absl::string_view service);
// The stream, of one consumer's partition, that the missing events are brought to.
std::string ReplayKey(absl::string_view service, absl::string_view field);
// The channel that wakes the relay's leader.
std::string KickChannel(absl::string_view service);

// "inbox.rules/3".
std::string ConsumerField(absl::string_view consumer, int partition);
// The partition in such a field, -1 if it is none.
int PartitionOfField(absl::string_view field);
// The consumer in such a field.
absl::string_view ConsumerOfField(absl::string_view field);

// The key of an advisory lock, from its name; the same in all processes and versions.
int64_t LockKey(absl::string_view name);
// The same in all processes and versions.
uint64_t StableHash(absl::string_view data);

}  // namespace mo::events
