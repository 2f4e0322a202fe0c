#include "services/contacts/channel_store.h"

#include "libs/runtime/status.h"

namespace mo::contacts {

constexpr char kInsertChannel[] =
    "INSERT INTO contacts.channels (account_id, id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
constexpr char kDeleteChannel[] = "DELETE FROM contacts.channels WHERE account_id = $1 AND id = $2";
void SaveChannel(storage::Transaction& tx, int64_t id, bool exists) {
  tx.Defer(exists ? kInsertChannel : kDeleteChannel, tx.account_id(), id);
}

constexpr char kSelectChannels[] =
    "SELECT id FROM contacts.channels WHERE account_id = $1 AND id = ANY($2)";
absl::StatusOr<std::set<int64_t>> SelectChannels(storage::Transaction& tx,
                                                 const std::vector<int64_t>& ids) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectChannels, tx.account_id(), ids));
  std::set<int64_t> channels;
  for (const storage::Row row : rows) channels.insert(row.Int(0));
  return channels;
}

}  // namespace mo::contacts
