// Rules' actions that go to other systems: what they may be, and what they become for a message.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/runtime/errors.h"
#include "messageorganizer/rules/v1/rules.pb.h"
#include "services/rules/decide.h"
#include "services/rules/forward_store.h"

namespace mo::rules {

// Adds what is wrong with such an action; fields are named from `path` on.
void CheckForward(const v1::RuleAction& action, absl::string_view path, Problems& problems);

// The action with its placeholders filled in for the occasion; nullopt: it is none of these.
std::optional<v1::StoredForward> ForwardOf(const v1::RuleAction& action, const Rulebook& book,
                                           const Occasion& occasion, const Decision& decision);
// Which kind it is.
v1::ForwardKind KindOf(const v1::StoredForward& request);

// How long a forward is tried.
absl::Duration PatienceOf(const Forward& forward);
// A forward of an account as it begins: with target, destination and times. Ids are the caller's.
Forward BeginForward(int64_t account_id, v1::StoredForward request, absl::Time now);

}  // namespace mo::rules
