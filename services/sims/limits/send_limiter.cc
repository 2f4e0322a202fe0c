#include "services/sims/limits/send_limiter.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/runtime/status.h"

namespace mo::embedded {
absl::string_view sims_send_limits();
}

namespace mo::sims {
namespace {

// How long a worker may take to find a Redis that is back: the breaker's longest back-off, and a
// call's time.
constexpr absl::Duration kFound = absl::Seconds(1);

std::string Micros(absl::Duration duration) {
  return absl::StrCat(absl::ToInt64Microseconds(duration));
}

std::string Flag(bool flag) { return flag ? "1" : "0"; }

}  // namespace

struct SendLimiter::Keys {
  std::vector<std::string> names;

  Keys(const std::string& sim, const std::string& portfolio)
      : names{"mo:limits:generation", absl::StrCat("mo:limits:", sim, ":log"),
              absl::StrCat("mo:limits:", sim, ":chats"),
              absl::StrCat("mo:limits:", portfolio.empty() ? sim : portfolio, ":recipients")} {}
  // The group's log, its index among the keys as Lua counts.
  size_t Group(const std::string& sim, const std::string& group) {
    std::string name = absl::StrCat("mo:limits:", sim, ":group:", group);
    const auto found = std::find(names.begin() + 4, names.end(), name);
    const size_t index = static_cast<size_t>(found - names.begin());
    if (found == names.end()) names.push_back(std::move(name));
    return index + 1;
  }
};

SendLimiter::SendLimiter(redis::Pool& pool, const Clock& clock)
    : pool_(pool), clock_(clock), script_(embedded::sims_send_limits()) {}

std::shared_ptr<SendLimiter::Sim> SendLimiter::Find(const std::string& sim,
                                                    const std::string& portfolio, int64_t now) {
  std::lock_guard lock(mutex_);
  std::shared_ptr<Sim>& found = sims_[sim];
  if (found == nullptr) {
    std::shared_ptr<Reach> reach;
    if (!portfolio.empty()) reach = reaches_[portfolio];
    if (reach == nullptr) reach = std::make_shared<Reach>();
    if (!portfolio.empty()) reaches_[portfolio] = reach;
    found = std::make_shared<Sim>(std::move(reach), now);
  }
  return found;
}

void SendLimiter::Forget(const std::string& sim) {
  std::lock_guard lock(mutex_);
  sims_.erase(sim);
}

absl::StatusOr<redis::Reply> SendLimiter::Run(const Keys& keys,
                                              const std::vector<std::string>& arguments) {
  absl::StatusOr<redis::Reply> reply = pool_.Run(script_, {keys.names.begin(), keys.names.end()},
                                                 {arguments.begin(), arguments.end()});
  if (reply.ok() && reply->size() == 0) reply = absl::UnavailableError("Redis answers nonsense");
  return reply;
}

SendAnswer SendLimiter::Ask(const SendLimits& limits, const SendAsk& ask) {
  const int64_t now = absl::ToUnixMicros(clock_.Now());
  const std::shared_ptr<Sim> sim = Find(ask.sim, ask.portfolio, now);
  std::lock_guard lock(sim->mutex);
  const absl::StatusOr<redis::Reply> reply = Decide(*sim, limits, ask, now);
  if (!reply.ok()) {
    // As of now: until a moment ago Redis may have answered others.
    const int64_t failed = absl::ToUnixMicros(clock_.Now());
    int64_t lost = 0;
    if (lost_.compare_exchange_strong(lost, failed)) lost = failed;
    return sim->passes.Decide(limits, ask, lost, failed);
  }
  lost_ = 0;
  SendAnswer answer;
  answer.recipients = (*reply)[1].integer;
  for (size_t i = 0; i < ask.to.size(); ++i) {
    const int64_t wait = (*reply)[i + 2].integer;
    answer.when.push_back(wait == 0 ? absl::InfinitePast() : absl::FromUnixMicros(wait));
    if (wait == 0) ++answer.passed;
  }
  sim->passes.Note(limits, ask, answer, (*reply)[1].integer, now);
  return answer;
}

absl::StatusOr<redis::Reply> SendLimiter::Decide(Sim& sim, const SendLimits& limits,
                                                 const SendAsk& ask, int64_t now) {
  Keys keys(ask.sim, ask.portfolio);
  std::vector<std::string> arguments = {"ask",
                                        "",
                                        absl::StrCat(now),
                                        Flag(ask.interactive),
                                        Flag(sim.passes.Alone(limits, now)),
                                        absl::StrCat(limits.sim.count),
                                        Micros(limits.sim.window),
                                        Micros(limits.chat.interval),
                                        absl::StrCat(limits.chat.burst),
                                        absl::StrCat(limits.group.count),
                                        Micros(limits.group.window),
                                        absl::StrCat(limits.recipients.count),
                                        Micros(limits.recipients.window),
                                        Micros(limits.sim.window + kFound)};
  for (const SendAsk::To& to : ask.to) {
    arguments.push_back(to.key);
    arguments.push_back(to.group ? absl::StrCat(keys.Group(ask.sim, to.key)) : "0");
    arguments.push_back(Flag(to.counted));
  }
  // A Redis that lost its memory, or was away, is told first what passed.
  for (int attempt = 0; attempt < 3; ++attempt) {
    arguments[1] = sim.passes.unreported() ? "0" : absl::StrCat(sim.generation);
    MO_ASSIGN_OR_RETURN(redis::Reply reply, Run(keys, arguments));
    if (reply.size() == ask.to.size() + 2) return reply;
    MO_RETURN_IF_ERROR(Restore(sim, limits, ask, reply[0].integer, now));
  }
  return absl::UnavailableError("Redis keeps losing its memory");
}

absl::Status SendLimiter::Restore(Sim& sim, const SendLimits& limits, const SendAsk& ask,
                                  int64_t generation, int64_t now) {
  Keys keys(ask.sim, ask.portfolio);
  std::vector<std::string> groups;
  std::vector<std::string> arguments = {"restore",
                                        "",
                                        absl::StrCat(now),
                                        Micros(limits.sim.window),
                                        Micros(limits.group.window),
                                        Micros(limits.recipients.window)};
  sim.passes.Report(limits, generation != sim.generation, now, groups, arguments);
  for (const std::string& group : groups) keys.Group(ask.sim, group);
  MO_RETURN_IF_ERROR(Run(keys, arguments).status());
  sim.passes.Reported();
  sim.generation = generation;
  return absl::OkStatus();
}

void SendLimiter::Hold(const SendLimits& limits, const std::string& sim, const std::string& chat,
                       absl::Time until) {
  const int64_t now = absl::ToUnixMicros(clock_.Now());
  const std::shared_ptr<Sim> found = Find(sim, "", now);
  {
    std::lock_guard lock(found->mutex);
    found->passes.Hold(limits, chat, absl::ToUnixMicros(until));
  }
  // Without Redis the others find out by themselves.
  Run(Keys(sim, ""), {"hold", "", absl::StrCat(now), absl::StrCat(absl::ToUnixMicros(until)),
                      Micros(limits.sim.window), Micros(limits.chat.interval),
                      absl::StrCat(limits.chat.burst), chat})
      .IgnoreError();
}

}  // namespace mo::sims
