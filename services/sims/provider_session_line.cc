// The part of a session that keeps what goes to one contact in its order.
#include "services/sims/provider_session.h"

namespace mo::sims {

void ProviderSession::BeginLocked(int64_t key) {
  Flight& flight = *flights_[key];
  // Others' messages may have told meanwhile that this recipient is to be left alone.
  const absl::Time until = pace_.AddressUntil(flight.address, gateway_.app().clock().Now());
  if (until == absl::InfinitePast()) return StartLocked(key, flight);
  const int64_t contact_id = flight.contact_id(key);
  flights_.erase(key);
  results_.push_back({key, {common::DELIVERY_STATE_QUEUED, {}}, until, "", ""});
  PostponeLineLocked(contact_id, key, until);
  NextInLineLocked(contact_id, key);
}

void ProviderSession::NextInLineLocked(int64_t contact_id, int64_t key) {
  const auto found = lines_.find(contact_id);
  // It may be on its way again, to another address, or the next one may have begun already.
  if (found == lines_.end() || found->second.first != key || flights_.contains(key)) return;
  Line& line = found->second;
  if (line.behind.empty()) {
    lines_.erase(found);
    return;
  }
  line.first = line.behind.front();
  line.behind.erase(line.behind.begin());
  BeginLocked(line.first);
}

void ProviderSession::PostponeLineLocked(int64_t contact_id, int64_t key, absl::Time again) {
  const auto found = lines_.find(contact_id);
  if (found == lines_.end() || found->second.first != key) return;
  for (const int64_t behind : std::exchange(found->second.behind, {})) {
    flights_.erase(behind);
    results_.push_back({behind, {common::DELIVERY_STATE_QUEUED, {}}, again, "", ""});
  }
}

}  // namespace mo::sims
