// The links service's tables.
#pragma once

#include "absl/status/statusor.h"
#include "libs/storage/transaction.h"
#include "messageorganizer/links/v1/links.pb.h"

namespace mo::links {

namespace v1 = messageorganizer::links::v1;

// Fails with ALREADY_EXISTS "links_code" when the code is taken.
absl::Status InsertLink(storage::Transaction& tx, int64_t id, const v1::Link& link);
absl::StatusOr<v1::Link> SelectLink(storage::Transaction& tx, int64_t id);
// Links with an id below `before`, newest first.
absl::StatusOr<std::vector<v1::Link>> SelectLinks(storage::Transaction& tx, int64_t before,
                                                  int32_t limit);
// Marks it deleted; LINK_NOT_FOUND when it is not there.
absl::Status DeleteLink(storage::Transaction& tx, int64_t id, absl::Time now);

}  // namespace mo::links
