// Connections to Redis for many threads.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "libs/redis/connection.h"
#include "libs/redis/script.h"
#include "libs/runtime/app.h"

namespace mo::redis {

// Thread-safe; a call waits for a free connection at most the command timeout. While Redis is away
// calls fail at once, see Breaker.
class Pool {
 public:
  explicit Pool(ConnectionOptions options, int connections = 8);

  absl::StatusOr<Reply> Command(const Arguments& arguments);
  absl::StatusOr<std::vector<Reply>> Pipeline(const std::vector<Arguments>& commands);
  absl::StatusOr<Reply> Run(const Script& script, const Arguments& keys,
                            const Arguments& arguments);

 private:
  template <class Result>
  Result With(const std::function<Result(Connection&)>& work);

  const ConnectionOptions options_;
  const std::shared_ptr<Breaker> breaker_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<std::unique_ptr<Connection>> idle_;
};

// A pool on the app's Redis.
Pool& InstallPool(App& app, int connections = 8);

}  // namespace mo::redis
