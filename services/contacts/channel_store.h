// The table of channels that registrations may name.
#pragma once

#include <set>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/storage/transaction.h"

namespace mo::contacts {

// Enters or removes a channel; idempotent.
void SaveChannel(storage::Transaction& tx, int64_t id, bool exists);
// Which of the ids are channels of the account.
absl::StatusOr<std::set<int64_t>> SelectChannels(storage::Transaction& tx,
                                                 const std::vector<int64_t>& ids);

}  // namespace mo::contacts
