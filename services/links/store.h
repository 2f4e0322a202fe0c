// The links service's tables of links.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/storage/transaction.h"
#include "messageorganizer/links/v1/links.pb.h"

namespace mo::links {

namespace v1 = messageorganizer::links::v1;

// Which links a list is to show.
struct LinkFilter {
  int64_t before = 0;  // ids below
  int64_t broadcast_id = 0;
  int64_t channel_id = 0;
};

// Fails with ALREADY_EXISTS "links_code" when the code is taken.
absl::Status InsertLink(storage::Transaction& tx, int64_t id, const v1::Link& link);
// Many at once, each with its id; codes as above.
absl::Status InsertLinks(storage::Transaction& tx, const std::vector<v1::Link>& links);
absl::StatusOr<v1::Link> SelectLink(storage::Transaction& tx, int64_t id);
// The same, locked until the transaction's end.
absl::StatusOr<v1::Link> LockLink(storage::Transaction& tx, int64_t id);
// The account's own links among these codes, in any order.
absl::StatusOr<std::vector<v1::Link>> SelectLinksByCode(storage::Transaction& tx,
                                                        const std::vector<std::string>& codes);
// Newest first.
absl::StatusOr<std::vector<v1::Link>> SelectLinks(storage::Transaction& tx,
                                                  const LinkFilter& filter, int32_t limit);
// Writes what an update may change; the etag counts on.
void UpdateLink(storage::Transaction& tx, v1::Link& link);
// Marks it deleted; LINK_NOT_FOUND when it is not there.
absl::Status DeleteLink(storage::Transaction& tx, int64_t id, absl::Time now);

// Ids of an assignment as columns; 0: none.
struct AssignmentRow {
  explicit AssignmentRow(const v1::LinkAssignment& assignment);
  AssignmentRow(int64_t broadcast, int64_t channel, int64_t message, int64_t contact)
      : broadcast_id(broadcast), channel_id(channel), message_id(message), contact_id(contact) {}
  // Absent ids stay empty.
  v1::LinkAssignment ToProto() const;
  bool empty() const { return (broadcast_id | channel_id | message_id | contact_id) == 0; }

  int64_t broadcast_id, channel_id, message_id, contact_id;
};

}  // namespace mo::links
