// Asking a provider for what has happened, where it does not call back.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "absl/time/time.h"
#include "libs/http/pool_client.h"
#include "services/sims/callbacks.h"
#include "services/sims/gateway.h"
#include "services/sims/sim_drivers.h"

namespace mo::sims {

// One long request after the other, as long as the SIM's lease is held: the provider forgets what
// it has told when it is asked for more, so nobody asks before it is durable.
class ProviderPoll : public std::enable_shared_from_this<ProviderPoll> {
 public:
  ProviderPoll(Gateway& gateway, http::PoolClient& client, Callbacks& callbacks,
               std::function<void(http::ClientRequest&)> guard,
               std::shared_ptr<const SimDriver> sim)
      : gateway_(gateway),
        client_(client),
        callbacks_(callbacks),
        guard_(std::move(guard)),
        sim_(std::move(sim)) {}

  // Whether a driver's settings say that it is to be asked.
  static bool Wanted(const Driver& driver);

  // Asks, unless that is under way or too early after a failure.
  void Tick(absl::Time now);
  // Asks no more.
  void Stop();

 private:
  void Answered(const absl::StatusOr<http::Response>& response);
  // Blocks until it is durable.
  void Keep(const Polled& polled);
  void Failed(const absl::Status& status);

  Gateway& gateway_;
  http::PoolClient& client_;
  Callbacks& callbacks_;
  const std::function<void(http::ClientRequest&)> guard_;
  const std::shared_ptr<const SimDriver> sim_;
  std::mutex mutex_;
  bool asking_ = false;
  bool stopped_ = false;
  std::string cursor_;
  int failures_ = 0;  // in a row
  absl::Time not_before_ = absl::InfinitePast();
};

}  // namespace mo::sims
