// What is remembered of files while their provider may tell of them again.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "messageorganizer/common/v1/content.pb.h"

namespace mo::sims {

namespace common = messageorganizer::common::v1;

// What became of a file: a place at the media service, or why there is none. Neither: the message
// is known already.
struct BroughtFile {
  std::string media_id;
  std::string mime_type;
  int64_t size_bytes = 0;
  common::MediaProblem problem = common::MEDIA_PROBLEM_UNSPECIFIED;
};

// By the message's name, of so many messages at most: the oldest are forgotten. No lock of its own.
class InboundMemory {
 public:
  explicit InboundMemory(size_t most) : most_(most) {}

  // Nothing: it is not brought yet.
  std::optional<BroughtFile> Find(const std::string& key) const;
  void Keep(const std::string& key, BroughtFile brought);
  // Another attempt has failed; how many there were.
  int Failed(const std::string& key);

 private:
  struct Entry {
    int failures = 0;
    std::optional<BroughtFile> brought;
  };
  Entry& At(const std::string& key);

  const size_t most_;
  absl::flat_hash_map<std::string, Entry> entries_;
  std::deque<std::string> order_;  // the keys, oldest first
};

}  // namespace mo::sims
