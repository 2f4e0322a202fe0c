#include "services/rules/subscriptions.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"

namespace mo::rules {

namespace channels_v1 = messageorganizer::channels::v1;

absl::StatusOr<absl::flat_hash_map<int64_t, Subscriptions::Channels>> Subscriptions::Of(
    const Caller& caller, const RuleSet& rules, const std::vector<int64_t>& contacts) {
  absl::flat_hash_map<int64_t, Channels> found;
  if (contacts.empty() || rules.channels().empty()) return found;
  channels_v1::FindSubscriptionsRequest request;
  request.mutable_contact_ids()->Add(contacts.begin(), contacts.end());
  request.mutable_channel_ids()->Add(rules.channels().begin(), rules.channels().end());
  MO_ASSIGN_OR_RETURN(const channels_v1::FindSubscriptionsResponse answer,
                      channels_.Call(MO_METHOD(channels_v1::ChannelService, FindSubscriptions),
                                     caller.WithKey(""), request));
  for (const channels_v1::ContactChannels& one : answer.contacts()) {
    found[one.contact_id()].insert(one.channel_ids().begin(), one.channel_ids().end());
  }
  return found;
}

InChannels Subscriptions::Lazily(const Caller& caller, const RuleSet& rules, int64_t contact) {
  if (contact <= 0) return nullptr;
  const auto known = std::make_shared<std::optional<Channels>>();
  return [this, caller, &rules, contact, known](const v1::Rule& rule) -> absl::StatusOr<bool> {
    if (!known->has_value()) {
      MO_ASSIGN_OR_RETURN(auto found, Of(caller, rules, {contact}));
      *known = std::move(found[contact]);
    }
    return IsAmong(rule, **known);
  };
}

bool IsAmong(const v1::Rule& rule, const Subscriptions::Channels& channels) {
  return std::any_of(rule.channel_ids().begin(), rule.channel_ids().end(),
                     [&](const std::string& id) { return channels.contains(IdOf(id)); });
}

}  // namespace mo::rules
