// The groups of the virtual networks and which SIMs are in them.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "messageorganizer/common/v1/content.pb.h"
#include "messageorganizer/sims/v1/device.pb.h"
#include "messageorganizer/sims/v1/sims.pb.h"

namespace mo::simulator {

// A group as POST /groups describes it.
struct GroupSpec {
  messageorganizer::common::v1::Network network = {};
  std::string id;
  std::string name;
  std::string invite_link;
  // What a SIM that is not a member gets when it follows the link; JOINED lets it in.
  messageorganizer::sims::v1::JoinOutcome join = messageorganizer::sims::v1::JOIN_OUTCOME_JOINED;
};

// A group and the addresses of the SIMs in it.
struct Group : GroupSpec {
  std::set<std::string> members;
};

// All groups, by (network, id). Thread-safe.
class GroupBook {
 public:
  using Network = messageorganizer::common::v1::Network;

  // Adds a group, or replaces what is known of it; members stay. InvalidArgument when another group
  // has the link.
  absl::Status Put(GroupSpec spec);
  std::vector<Group> List() const;
  // The network of the only group with this id, for paths that do not name it. NotFound;
  // FailedPrecondition if several.
  absl::StatusOr<Network> NetworkOf(absl::string_view id) const;

  // Puts a SIM in or out. True when that changed something; NotFound without the group.
  absl::StatusOr<bool> SetMember(Network network, absl::string_view id, absl::string_view sim,
                                 bool member);
  bool IsMember(Network network, absl::string_view id, absl::string_view sim) const;
  absl::StatusOr<std::set<std::string>> Members(Network network, absl::string_view id) const;

  // A SIM follows a link; on JOINED `joined` tells which group it is in now.
  messageorganizer::sims::v1::JoinOutcome Join(Network network, absl::string_view link,
                                               absl::string_view sim,
                                               messageorganizer::sims::v1::GroupMembership* joined);

  // What a SIM's Hello lists (at most 1,000).
  std::vector<messageorganizer::sims::v1::GroupMembership> Of(Network network,
                                                              absl::string_view sim) const;
  // A membership item about a group, as of now.
  messageorganizer::sims::v1::GroupMembership Describe(Network network, absl::string_view id,
                                                       bool left) const;

 private:
  using Key = std::pair<int, std::string>;

  Group* FindByLink(Network network, absl::string_view link) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable std::mutex mutex_;
  std::map<Key, Group> groups_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mo::simulator
