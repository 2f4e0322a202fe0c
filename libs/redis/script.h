// A Lua script that lives in Redis' cache.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "libs/redis/connection.h"

namespace mo::redis {

// Calls by hash, and sends the source where Redis does not know it (any more). Thread-safe.
class Script {
 public:
  explicit Script(absl::string_view source);
  absl::StatusOr<Reply> Run(Connection& connection, const Arguments& keys,
                            const Arguments& arguments) const;

 private:
  const std::string source_;
  const std::string hash_;
};

}  // namespace mo::redis
