#include "services/sims/dispatch_loader.h"

#include <set>

#include "services/sims/gateway.h"
#include "services/sims/hold.h"
#include "services/sims/loaded_dispatch.h"
#include "services/sims/sim_session.h"

namespace mo::sims {
namespace {

// In memory at a time: so many dispatches of up to a page's recipients.
constexpr size_t kTogether = 32;
constexpr int32_t kLoadInteractive = 64;
constexpr int32_t kLoadBulk = 3;

}  // namespace

DispatchLoader::DispatchLoader(Gateway& gateway) : gateway_(gateway) {
  Metrics& metrics = gateway.app().metrics();
  for (const auto& [lane, name] :
       {std::pair(v1::LANE_INTERACTIVE, "interactive"), std::pair(v1::LANE_BULK, "bulk")}) {
    asked_[lane] =
        &metrics.Counter("mo_sims_loads_asked_total",
                         "Times that a SIM asked for what to send next", {{"lane", name}});
    queries_[lane] = &metrics.Counter("mo_sims_loads_total",
                                      "Queries for what SIMs are to send next, each for several",
                                      {{"lane", name}});
  }
}

bool DispatchLoader::Ask(const std::shared_ptr<SimSession>& session, v1::Lane lane) {
  const Lane key(session->account_id(), lane);
  std::lock_guard lock(mutex_);
  Asking& asking = asking_[key];
  asking.push_back(session);
  asked_.at(lane)->Increment();
  if (asking.size() > 1 || PostLocked(key)) return true;
  asking_.erase(key);
  return false;
}

bool DispatchLoader::PostLocked(Lane lane) {
  auto load = [this, lane] { LoadNext(lane); };
  return lane.second == v1::LANE_BULK ? gateway_.PostBulk(lane.first, std::move(load))
                                      : gateway_.Post(lane.first, std::move(load));
}

// A SIM once: what its former session knows is not hidden from the one that took it over.
DispatchLoader::Sessions DispatchLoader::TakeLocked(Asking& asking) {
  Sessions sessions;
  std::set<int64_t> sims;
  while (!asking.empty() && sessions.size() < kTogether &&
         sims.insert(asking.front()->sim_id()).second) {
    sessions.push_back(std::move(asking.front()));
    asking.pop_front();
  }
  return sessions;
}

void DispatchLoader::LoadNext(Lane lane) {
  for (bool more = true; more;) {
    Sessions sessions;
    {
      std::lock_guard lock(mutex_);
      Asking& asking = asking_[lane];
      sessions = TakeLocked(asking);
      // The others load beside these, or after them when nobody else takes them.
      more = !asking.empty() && !PostLocked(lane);
      if (asking.empty()) asking_.erase(lane);
    }
    Load(lane, sessions);
  }
}

void DispatchLoader::Load(Lane lane, const Sessions& sessions) {
  const int32_t limit = lane.second == v1::LANE_BULK ? kLoadBulk : kLoadInteractive;
  std::vector<int64_t> sims, known;
  for (const auto& session : sessions) {
    const std::vector<int64_t> its = session->Loading(lane.second);
    known.insert(known.end(), its.begin(), its.end());
    sims.push_back(session->sim_id());
  }
  queries_.at(lane.second)->Increment();
  const absl::Time now = gateway_.app().clock().Now();
  auto loaded =
      LoadDispatches(gateway_.database(), lane.first, sims, lane.second, limit, known, now);
  for (const auto& session : sessions) {
    if (!loaded.ok()) {
      session->Loaded(lane.second, loaded.status());
      continue;
    }
    auto& its = (*loaded)[session->sim_id()];
    const bool full = its.size() == static_cast<size_t>(limit);
    const absl::Status held =
        HoldQuiet(gateway_.database(), lane.first, session->idempotent(), now, its);
    if (held.ok()) {
      session->Loaded(lane.second, std::move(its), full);
    } else {
      session->Loaded(lane.second, held);
    }
  }
}

}  // namespace mo::sims
