// One connection to Redis.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/redis/breaker.h"
#include "libs/redis/reply.h"

struct redisContext;

namespace mo::redis {

// Where Redis is and how long it may take. A call takes at most connect + command timeout.
struct ConnectionOptions {
  std::string url;  // unix:/path, tcp://host:port or tcp://:password@host:port
  absl::Duration connect_timeout = absl::Milliseconds(100);
  absl::Duration timeout = absl::Milliseconds(100);  // of a command
};

// Connects when first used, and again after an error. All errors are UNAVAILABLE. Not for use by
// several threads.
class Connection {
 public:
  explicit Connection(ConnectionOptions options,
                      std::shared_ptr<Breaker> breaker = std::make_shared<Breaker>());
  ~Connection();

  // One command; an error reply is an error.
  absl::StatusOr<Reply> Command(const Arguments& arguments);
  // Several in one round trip; an error reply is an element of the answer.
  absl::StatusOr<std::vector<Reply>> Pipeline(const std::vector<Arguments>& commands);

  // The two halves of a command that blocks in Redis: wait for fd() to become readable between
  // them, without Redis' help bounded.
  absl::Status Send(const Arguments& arguments);
  absl::StatusOr<Reply> Receive();
  // Reads what has arrived (blocks if nothing has) and returns the complete replies; for
  // subscriptions.
  absl::StatusOr<std::vector<Reply>> Drain();
  // The socket, -1 when not connected.
  int fd() const;
  // Drops the connection, e.g. when the answer to a Send is no longer wanted.
  void Close();

 private:
  struct Free {
    void operator()(redisContext* context) const;
  };

  absl::Status Ensure();
  absl::Status Authenticate(absl::string_view password);
  absl::Status Append(const Arguments& arguments);
  absl::Status Flush();
  absl::Status Lost();

  const ConnectionOptions options_;
  const std::shared_ptr<Breaker> breaker_;
  std::unique_ptr<redisContext, Free> context_;
};

}  // namespace mo::redis
