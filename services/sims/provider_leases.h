// Which of the SIMs with a provider this process drives.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "services/sims/provider_session.h"
#include "services/sims/sim_drivers.h"

namespace mo::sims {

// Takes leases that nobody holds and begins sessions with them; ends those whose driver has been
// changed or removed. All replicas do: each takes some at a time, at random, up to its limit.
class ProviderLeases {
 public:
  ProviderLeases(Gateway& gateway, ProviderDeps deps, SimDrivers& drivers, int most)
      : gateway_(gateway), deps_(std::move(deps)), drivers_(drivers), most_(most) {}

  // Whether there may be more to take at once.
  absl::StatusOr<bool> RunOnce();

 private:
  struct Held {
    std::weak_ptr<SimSession> session;
    std::string version;  // of the driver's row
  };
  // A session that must end, once what is under way has.
  struct Leaving {
    std::shared_ptr<SimSession> session;
    absl::Time deadline;
  };

  absl::Status Begin(ProviderLease lease, std::string version);
  absl::Status EndChanged(absl::Time now);
  void EndLeaving(absl::Time now);

  Gateway& gateway_;
  const ProviderDeps deps_;
  SimDrivers& drivers_;
  const int most_;
  std::map<int64_t, Held> held_;  // by SIM
  std::vector<Leaving> leaving_;
  absl::Time check_time_ = absl::InfinitePast();
};

}  // namespace mo::sims
