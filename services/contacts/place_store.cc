#include "services/contacts/place_store.h"

#include "libs/runtime/status.h"
#include "services/contacts/errors.h"

namespace mo::contacts {

constexpr char kJoinNewPlace[] = "SELECT contacts.intend($1, $2, $3::int, $4, $5, $6, $7)";
storage::Pending JoinNewPlace(storage::Transaction& tx, int64_t id, const Identity& identity,
                              absl::Time now) {
  const auto or_null = [](const std::string& text) {
    return text.empty() ? std::nullopt : std::optional(text);
  };
  const std::string& key = identity.phone.empty() ? identity.address : identity.phone;
  return tx.Ask(kJoinNewPlace, tx.account_id(), id, static_cast<int32_t>(identity.network),
                or_null(key), or_null(identity.address), or_null(identity.phone), now);
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
storage::Pending ClaimPlace(storage::Transaction& tx, int64_t contact_id) {
  return tx.Ask(kClaimPlace, tx.account_id(), contact_id);
}

absl::StatusOr<bool> Claimed(storage::Pending claim) {
  MO_ASSIGN_OR_RETURN(storage::Result claimed, claim.Get());
  return claimed.affected() == 1;
}

constexpr char kLeavePlace[] =
    "UPDATE contacts.places SET attempts = attempts - 1 WHERE account_id = $1 AND contact_id = $2 "
    "AND NOT releasing";
constexpr char kDeleteLeftPlace[] =
    "DELETE FROM contacts.places WHERE account_id = $1 AND contact_id = $2 AND NOT releasing AND "
    "attempts <= 0";
void LeavePlace(storage::Transaction& tx, int64_t contact_id) {
  tx.Defer(kLeavePlace, tx.account_id(), contact_id);
  tx.Defer(kDeleteLeftPlace, tx.account_id(), contact_id);
}

constexpr char kCondemnPlaces[] =
    "INSERT INTO contacts.places AS p (account_id, contact_id, network, attempts, releasing, "
    "touch_time) SELECT $1, id, $3::int, 0, true, $4 FROM unnest((SELECT $2)) id "
    "ON CONFLICT (account_id, contact_id) DO UPDATE SET releasing = true";
void CondemnPlaces(storage::Transaction& tx, const std::vector<int64_t>& contact_ids,
                   Network network, absl::Time now) {
  tx.Defer(kCondemnPlaces, tx.account_id(), contact_ids, static_cast<int32_t>(network), now);
}

constexpr char kCondemnOldPlaces[] =
    "UPDATE contacts.places SET releasing = true WHERE touch_time < $1 AND NOT releasing";
constexpr char kSelectCondemned[] =
    "SELECT account_id, contact_id FROM contacts.places WHERE releasing LIMIT $1";
absl::StatusOr<std::vector<ContactKey>> CondemnOldPlaces(storage::Transaction& tx,
                                                         absl::Time before, int32_t limit) {
  tx.Defer(kCondemnOldPlaces, before);
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectCondemned, limit));
  std::vector<ContactKey> keys;
  for (const storage::Row row : rows) keys.push_back({row.Int(0), row.Int(1)});
  return keys;
}

constexpr char kDeletePlace[] =
    "DELETE FROM contacts.places WHERE account_id = $1 AND contact_id = $2 AND releasing";
void DeletePlace(storage::Transaction& tx, int64_t contact_id) {
  tx.Defer(kDeletePlace, tx.account_id(), contact_id);
}

}  // namespace mo::contacts
