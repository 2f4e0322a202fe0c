// The part of a session that asks whether messages may leave now.
#include <algorithm>

#include "services/sims/provider_session.h"
#include "services/sims/reply_windows.h"

namespace mo::sims {
namespace {

constexpr absl::Duration kRecipientsWindow = absl::Hours(24);
// While nobody new may be written to it is asked again so often: limits are raised at any time.
constexpr absl::Duration kAskAgain = absl::Minutes(5);

// Until when nobody new may be written to in bulk, after the limiter's answer; InfinitePast: they
// may. `change`: when the limit is another one.
absl::Time FullUntil(const SendLimits& limits, absl::Time change, const SendAsk& ask,
                     const SendAnswer& answer, absl::Time now) {
  // A tenth is left to interactive messages.
  const int64_t room = limits.recipients.count - limits.recipients.count / 10;
  if (ask.interactive || limits.recipients.count == 0 || answer.recipients < room)
    return absl::InfinitePast();
  absl::Time first = absl::InfiniteFuture();
  for (size_t i = 0; i < ask.to.size(); ++i) {
    if (ask.to[i].counted && !answer.Passes(i)) first = std::min(first, answer.when[i]);
  }
  if (first == absl::InfiniteFuture()) return absl::InfinitePast();
  return std::max(now, std::min({first, change, now + kAskAgain}));
}

}  // namespace

// The lease gives one session a SIM at a time, but the session before it may have sent a moment
// ago: what has left is counted where all find it.
bool ProviderSession::AdmitLocked(const Sender::Cut& cut) {
  const absl::Time now = gateway_.app().clock().Now();
  limits_.recipients = {allowed_.RecipientsAt(now), kRecipientsWindow};
  std::deque<Sender::Cut>& waiting = unasked_[cut.interactive];
  if (waiting.empty() && limits_.sim.count == 0 && limits_.chat.interval == absl::ZeroDuration() &&
      limits_.recipients.count == 0) {
    return true;
  }
  waiting.push_back(cut);
  if (waiting.size() == 1) AskNextLocked(cut.interactive);
  return false;
}

void ProviderSession::AskNextLocked(bool interactive) {
  const absl::Time change = allowed_.warm_up.NextDay(gateway_.app().clock().Now());
  auto admit = [this, self = shared_from_this(), limits = limits_, change,
                cut = unasked_[interactive].front()] { Admit(limits, change, cut); };
  const bool posted = interactive ? gateway_.Post(account_id_, std::move(admit))
                                  : gateway_.PostBulk(account_id_, std::move(admit));
  if (!posted) EndLocked(absl::UnavailableError("the gateway is overloaded or stopping"));
}

// Where the network has windows, only templates go to those who have not written, and only these
// have to be looked up; elsewhere whoever is answered has written.
std::vector<bool> ProviderSession::Counted(const Sender::Cut& cut) const {
  const bool windows = driver_->limits().window > absl::ZeroDuration();
  std::vector<bool> counted;
  std::vector<std::string> addresses;
  for (size_t w = 0; w < cut.windows.size(); ++w) {
    if (cut.windows[w].resend) continue;
    const LoadedDispatch& dispatch = *cut.dispatches[w];
    const bool counts = windows ? dispatch.content.has_message_template() : !cut.interactive;
    for (const int index : cut.windows[w].indices) {
      counted.push_back(counts);
      addresses.push_back(dispatch.addresses[static_cast<size_t>(index)]);
    }
  }
  if (!windows || std::find(counted.begin(), counted.end(), true) == counted.end()) return counted;
  const absl::StatusOr<absl::flat_hash_set<std::string>> open = FindOpenWindows(
      gateway_.database(), account_id_, sim_id_, addresses, gateway_.app().clock().Now());
  if (!open.ok()) return counted;  // rather too many than too few
  for (size_t i = 0; i < counted.size(); ++i) {
    if (open->contains(addresses[i])) counted[i] = false;
  }
  return counted;
}

void ProviderSession::Admit(const SendLimits& limits, absl::Time change, Sender::Cut cut) {
  SendAsk ask;
  ask.sim = absl::StrCat(account_id_, ":", sim_id_);
  ask.interactive = cut.interactive;
  std::vector<bool> counted;
  if (limits.recipients.count > 0) counted = Counted(cut);
  std::vector<std::vector<absl::Time>> until;
  for (const Window& window : cut.windows) {
    until.emplace_back(window.indices.size(), absl::InfinitePast());
    if (window.resend) continue;  // they were counted when they were attempted first
    for (const int64_t contact : window.contact_ids) {
      ask.to.push_back(
          {absl::StrCat(contact), /*group=*/false, !counted.empty() && counted[ask.to.size()]});
    }
  }
  SendAnswer answer;
  if (!ask.to.empty()) answer = deps_.limiter.Ask(limits, ask);
  const absl::Time full_until =
      FullUntil(limits, change, ask, answer, gateway_.app().clock().Now());
  size_t asked = 0;
  for (size_t w = 0; w < cut.windows.size(); ++w) {
    if (cut.windows[w].resend) continue;
    for (absl::Time& time : until[w]) {
      const size_t i = asked++;
      time = answer.when[i];
      if (full_until != absl::InfinitePast() && ask.to[i].counted && !answer.Passes(i))
        time = full_until;
    }
  }
  {
    std::lock_guard lock(mutex_);
    if (ended_) return;
    full_until_ = std::max(full_until_, full_until);
    sender_.Postpone(until, cut);
    const bool interactive = cut.interactive, any = cut.size > 0;
    if (any) AdmittedLocked(std::move(cut));
    unasked_[interactive].pop_front();
    if (!ended_ && !unasked_[interactive].empty()) AskNextLocked(interactive);
    if (any) return;
  }
  LedgerOutcome nothing;
  nothing.opened.resize(cut.windows.size());
  Opened(cut, nothing);
}

}  // namespace mo::sims
