#include "services/contacts/place_store.h"

#include "libs/runtime/status.h"
#include "services/contacts/errors.h"

namespace mo::contacts {

constexpr char kJoinNewPlace[] =
    "INSERT INTO contacts.places AS p (account_id, contact_id, network, key, attempts, touch_time) "
    "VALUES ($1, $2, $3::int, $4, 1, $5) ON CONFLICT (account_id, network, key) DO UPDATE SET "
    "attempts = p.attempts + 1, touch_time = greatest(p.touch_time, $5) WHERE NOT p.releasing "
    "RETURNING contact_id";
absl::StatusOr<int64_t> JoinNewPlace(storage::Transaction& tx, int64_t id, Network network,
                                     const std::string& key, absl::Time now) {
  const std::optional<std::string> shared = key.empty() ? std::nullopt : std::optional(key);
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kJoinNewPlace, tx.account_id(), id,
                                                     static_cast<int32_t>(network), shared, now));
  if (rows.empty()) return PlaceLost();
  return rows[0].Int(0);
}

constexpr char kJoinPlaceOf[] =
    "INSERT INTO contacts.places AS p (account_id, contact_id, network, attempts, touch_time) "
    "VALUES ($1, $2, $3::int, 1, $4) ON CONFLICT (account_id, contact_id) DO UPDATE SET "
    "attempts = p.attempts + 1, touch_time = greatest(p.touch_time, $4) WHERE NOT p.releasing";
absl::Status JoinPlaceOf(storage::Transaction& tx, const ContactRow& row, absl::Time now) {
  MO_ASSIGN_OR_RETURN(storage::Result joined,
                      tx.Query(kJoinPlaceOf, tx.account_id(), row.id,
                               static_cast<int32_t>(row.contact.network()), now));
  return joined.affected() == 0 ? PlaceLost() : absl::OkStatus();
}

constexpr char kClaimPlace[] =
    "DELETE FROM contacts.places WHERE account_id = $1 AND contact_id = $2 AND NOT releasing";
absl::StatusOr<bool> ClaimPlace(storage::Transaction& tx, int64_t contact_id) {
  MO_ASSIGN_OR_RETURN(storage::Result claimed, tx.Query(kClaimPlace, tx.account_id(), contact_id));
  return claimed.affected() == 1;
}

constexpr char kLeavePlace[] =
    "UPDATE contacts.places SET attempts = attempts - 1 WHERE account_id = $1 AND contact_id = $2 "
    "AND NOT releasing";
constexpr char kDeleteLeftPlace[] =
    "DELETE FROM contacts.places WHERE account_id = $1 AND contact_id = $2 AND NOT releasing AND "
    "attempts <= 0";
absl::Status LeavePlace(storage::Transaction& tx, int64_t contact_id) {
  MO_RETURN_IF_ERROR(tx.Run(kLeavePlace, tx.account_id(), contact_id));
  return tx.Run(kDeleteLeftPlace, tx.account_id(), contact_id);
}

constexpr char kCondemnPlace[] =
    "INSERT INTO contacts.places AS p (account_id, contact_id, network, attempts, releasing, "
    "touch_time) VALUES ($1, $2, $3::int, 0, true, $4) "
    "ON CONFLICT (account_id, contact_id) DO UPDATE SET releasing = true";
absl::Status CondemnPlace(storage::Transaction& tx, int64_t contact_id, Network network,
                          absl::Time now) {
  return tx.Run(kCondemnPlace, tx.account_id(), contact_id, static_cast<int32_t>(network), now);
}

constexpr char kCondemnOldPlaces[] =
    "UPDATE contacts.places SET releasing = true WHERE touch_time < $1 AND NOT releasing";
constexpr char kSelectCondemned[] =
    "SELECT account_id, contact_id FROM contacts.places WHERE releasing LIMIT $1";
absl::StatusOr<std::vector<ContactKey>> CondemnOldPlaces(storage::Transaction& tx,
                                                         absl::Time before, int32_t limit) {
  MO_RETURN_IF_ERROR(tx.Run(kCondemnOldPlaces, before));
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectCondemned, limit));
  std::vector<ContactKey> keys;
  for (const storage::Row row : rows) keys.push_back({row.Int(0), row.Int(1)});
  return keys;
}

constexpr char kDeletePlace[] =
    "DELETE FROM contacts.places WHERE account_id = $1 AND contact_id = $2 AND releasing";
absl::Status DeletePlace(storage::Transaction& tx, int64_t contact_id) {
  return tx.Run(kDeletePlace, tx.account_id(), contact_id);
}

}  // namespace mo::contacts
