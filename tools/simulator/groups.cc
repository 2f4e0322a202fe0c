#include "tools/simulator/groups.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "tools/simulator/settings.h"

namespace mo::simulator {

namespace {

// Links carry tracking queries and slashes that do not name another group.
absl::string_view BareLink(absl::string_view link) {
  link = link.substr(0, link.find_first_of("?#"));
  while (!link.empty() && link.back() == '/') link.remove_suffix(1);
  return link;
}

sims::GroupMembership Membership(const std::string& id, const std::string& name, bool left) {
  sims::GroupMembership membership;
  membership.set_group_id(id);
  membership.set_display_name(name);
  membership.set_left(left);
  membership.mutable_time()->set_seconds(NowMs() / 1000);
  return membership;
}

absl::Status NoGroup(absl::string_view id) {
  return absl::NotFoundError(absl::StrCat("no group ", id));
}

}  // namespace

Group* GroupBook::FindByLink(Network network, absl::string_view link) {
  const absl::string_view bare = BareLink(link);
  if (bare.empty()) return nullptr;
  for (auto& [key, group] : groups_) {
    if (group.network == network && BareLink(group.invite_link) == bare) return &group;
  }
  return nullptr;
}

absl::Status GroupBook::Put(GroupSpec spec) {
  std::lock_guard lock(mutex_);
  const Group* other = FindByLink(spec.network, spec.invite_link);
  if (other != nullptr && other->id != spec.id) {
    return absl::InvalidArgumentError(absl::StrCat("invite_link belongs to group ", other->id));
  }
  Group& group = groups_[Key(spec.network, spec.id)];
  static_cast<GroupSpec&>(group) = std::move(spec);
  return absl::OkStatus();
}

std::vector<Group> GroupBook::List() const {
  std::lock_guard lock(mutex_);
  std::vector<Group> result;
  for (const auto& [key, group] : groups_) result.push_back(group);
  return result;
}

absl::StatusOr<GroupBook::Network> GroupBook::NetworkOf(absl::string_view id) const {
  std::lock_guard lock(mutex_);
  const Group* found = nullptr;
  for (const auto& [key, group] : groups_) {
    if (group.id != id) continue;
    if (found != nullptr) {
      return absl::FailedPreconditionError("several networks have this group: add ?network=");
    }
    found = &group;
  }
  if (found == nullptr) return NoGroup(id);
  return found->network;
}

absl::StatusOr<bool> GroupBook::SetMember(Network network, absl::string_view id,
                                          absl::string_view sim, bool member) {
  std::lock_guard lock(mutex_);
  auto it = groups_.find(Key(network, std::string(id)));
  if (it == groups_.end()) return NoGroup(id);
  std::set<std::string>& members = it->second.members;
  return member ? members.insert(std::string(sim)).second : members.erase(std::string(sim)) > 0;
}

bool GroupBook::IsMember(Network network, absl::string_view id, absl::string_view sim) const {
  std::lock_guard lock(mutex_);
  auto it = groups_.find(Key(network, std::string(id)));
  return it != groups_.end() && it->second.members.count(std::string(sim)) > 0;
}

absl::StatusOr<std::set<std::string>> GroupBook::Members(Network network,
                                                         absl::string_view id) const {
  std::lock_guard lock(mutex_);
  auto it = groups_.find(Key(network, std::string(id)));
  if (it == groups_.end()) return NoGroup(id);
  return it->second.members;
}

sims::JoinOutcome GroupBook::Join(Network network, absl::string_view link, absl::string_view sim,
                                  sims::GroupMembership* joined) {
  std::lock_guard lock(mutex_);
  Group* group = FindByLink(network, link);
  if (group == nullptr) return sims::JOIN_OUTCOME_INVALID_LINK;
  if (group->members.count(std::string(sim)) > 0) return sims::JOIN_OUTCOME_ALREADY_MEMBER;
  if (group->join == sims::JOIN_OUTCOME_JOINED) {
    group->members.insert(std::string(sim));
    *joined = Membership(group->id, group->name, false);
  }
  return group->join;
}

std::vector<sims::GroupMembership> GroupBook::Of(Network network, absl::string_view sim) const {
  constexpr size_t kMost = 1000;
  std::lock_guard lock(mutex_);
  std::vector<sims::GroupMembership> result;
  for (const auto& [key, group] : groups_) {
    if (group.network != network || group.members.count(std::string(sim)) == 0) continue;
    result.push_back(Membership(group.id, group.name, false));
    if (result.size() == kMost) break;
  }
  return result;
}

sims::GroupMembership GroupBook::Describe(Network network, absl::string_view id, bool left) const {
  std::lock_guard lock(mutex_);
  auto it = groups_.find(Key(network, std::string(id)));
  return Membership(std::string(id), it == groups_.end() ? "" : it->second.name, left);
}

}  // namespace mo::simulator
