// Internal to server.cc, the only file that includes Asio and Beast: one thread's event loop and
// its connections.
#ifndef MESSAGEORGANIZER_LIBS_HTTP_LOOP_H_
#define MESSAGEORGANIZER_LIBS_HTTP_LOOP_H_

#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>  // before Asio 1.74, which forgets it in C++20
#include <vector>

#include "absl/synchronization/mutex.h"
#include "libs/http/server.h"

namespace mo::http::internal {

namespace net = boost::asio;
using SteadyTime = std::chrono::steady_clock::time_point;

class Connection;

// What all loops of a server share. It outlives the server where a responder does.
struct ServerShared {
  ServerShared(ServerOptions o, Handler h) : options(std::move(o)), handler(std::move(h)) {}

  // The answer to a request the handler does not answer.
  Response Error(int status, absl::string_view reason) const {
    if (options.error_response) return options.error_response(status, reason);
    return {status, {{"Content-Type", "text/plain; charset=utf-8"}}, std::string(reason)};
  }

  const ServerOptions options;
  const Handler handler;
  absl::Mutex mutex;
  int connections ABSL_GUARDED_BY(mutex) = 0;
};

// One thread's io_context and the connections that live on it. Everything but Run belongs to that
// thread. Others keep the loop alive but hold connections weakly, so that nothing in its queue can
// keep it alive in turn.
class Loop : public std::enable_shared_from_this<Loop> {
 public:
  explicit Loop(std::shared_ptr<ServerShared> shared)
      : shared_(std::move(shared)), context_(1), sweeper_(context_) {}

  ServerShared& shared() { return *shared_; }
  const ServerOptions& options() const { return shared_->options; }
  net::io_context& context() { return context_; }
  bool stopping() const { return stopping_; }

  // Runs `task` on the loop's thread, inside this call if it is that one.
  template <typename Task>
  void Run(Task task) {
    net::dispatch(context_, std::move(task));
  }

  void Add(std::shared_ptr<Connection> connection) { connections_.insert(std::move(connection)); }
  void Remove(const std::shared_ptr<Connection>& connection) {
    if (connections_.erase(connection) == 0) return;
    absl::MutexLock lock(&shared_->mutex);
    --shared_->connections;
  }

  // Looks for connections past their deadline, from now on. One timer for all of them is far
  // cheaper than one each, re-armed at every request.
  void StartSweeping();
  // Lets running requests end and closes everything else.
  void StopGently();
  // Closes every connection; the loop's thread then runs out of work.
  void StopNow();

 private:
  std::vector<std::shared_ptr<Connection>> Connections() const {
    return {connections_.begin(), connections_.end()};
  }

  const std::shared_ptr<ServerShared> shared_;
  net::io_context context_;
  net::steady_timer sweeper_;
  std::unordered_set<std::shared_ptr<Connection>> connections_;
  bool stopping_ = false;
  bool stopped_ = false;
};

}  // namespace mo::http::internal

#endif  // MESSAGEORGANIZER_LIBS_HTTP_LOOP_H_
