#include "libs/redis/pool.h"

namespace mo::redis {

Pool::Pool(ConnectionOptions options, int connections)
    : options_(std::move(options)), breaker_(std::make_shared<Breaker>()) {
  for (int i = 0; i < connections; ++i) {
    idle_.push_back(std::make_unique<Connection>(options_, breaker_));
  }
}

template <class Result>
Result Pool::With(const std::function<Result(Connection&)>& work) {
  std::unique_lock lock(mutex_);
  if (!freed_.wait_for(lock, absl::ToChronoMilliseconds(options_.timeout),
                       [this] { return !idle_.empty(); })) {
    return absl::UnavailableError("no Redis connection is free");
  }
  std::unique_ptr<Connection> connection = std::move(idle_.back());
  idle_.pop_back();
  lock.unlock();
  Result result = work(*connection);
  lock.lock();
  idle_.push_back(std::move(connection));
  freed_.notify_one();
  return result;
}

absl::StatusOr<Reply> Pool::Command(const Arguments& arguments) {
  return With<absl::StatusOr<Reply>>([&](Connection& c) { return c.Command(arguments); });
}

absl::StatusOr<std::vector<Reply>> Pool::Pipeline(const std::vector<Arguments>& commands) {
  return With<absl::StatusOr<std::vector<Reply>>>(
      [&](Connection& c) { return c.Pipeline(commands); });
}

absl::StatusOr<Reply> Pool::Run(const Script& script, const Arguments& keys,
                                const Arguments& arguments) {
  return With<absl::StatusOr<Reply>>([&](Connection& c) { return script.Run(c, keys, arguments); });
}

Pool& InstallPool(App& app, int connections) {
  ConnectionOptions options;
  options.url = app.options().redis_url;
  return app.Own<Pool>(std::move(options), connections);
}

}  // namespace mo::redis
