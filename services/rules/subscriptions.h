// Which of the channels that an account's rules name contacts are subscribed to.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "messageorganizer/channels/v1/channels.grpc.pb.h"
#include "services/rules/rule_set.h"

namespace mo::rules {

// Asks the channels service. Thread-safe.
class Subscriptions {
 public:
  explicit Subscriptions(App& app) : channels_(app) {}

  using Channels = absl::flat_hash_set<int64_t>;
  // The channels of each contact, at most 1,000; those that are in none are left out.
  absl::StatusOr<absl::flat_hash_map<int64_t, Channels>> Of(const Caller& caller,
                                                            const RuleSet& rules,
                                                            const std::vector<int64_t>& contacts);
  // For one message of a contact: the service is asked at most once, when a rule needs it. What it
  // says is what held before the message does anything; with `rules` it must outlive the answer.
  // Nobody (0) is subscribed to nothing.
  InChannels Lazily(const Caller& caller, const RuleSet& rules, int64_t contact);

 private:
  Client<messageorganizer::channels::v1::ChannelService> channels_;
};

// Whether one of the rule's channels is among these.
bool IsAmong(const v1::Rule& rule, const Subscriptions::Channels& channels);

}  // namespace mo::rules
