#include "services/contacts/consent_store.h"

#include "libs/runtime/status.h"

namespace mo::contacts {

// One statement: the head's row lock orders the writers of a chain, and each sees the last one's
// hash.
constexpr char kAppendConsent[] =
    "WITH head AS (INSERT INTO contacts.consent_heads AS h (account_id, chain, seq, hash) "
    "VALUES ($1, $2 % 16, 1, contacts.consent_hash('', $1, $2 % 16, 1, $2, $3, $4, $5, $6)) "
    "ON CONFLICT (account_id, chain) DO UPDATE SET seq = h.seq + 1, hash = contacts.consent_hash("
    "h.hash, $1, $2 % 16, h.seq + 1, $2, $3, $4, $5, $6) RETURNING chain, seq, hash) "
    "INSERT INTO contacts.consent (account_id, chain, seq, contact_id, kind, time, inbound_id, "
    "how, "
    "hash) SELECT $1, chain, seq, $2, $3, $4, $5, $6, hash FROM head";
absl::Status AppendConsent(storage::Transaction& tx, int64_t contact_id, Consent kind,
                           absl::Time time, int64_t inbound_id, const std::string& how) {
  return tx.Run(kAppendConsent, tx.account_id(), contact_id, static_cast<int32_t>(kind), time,
                inbound_id, how);
}

constexpr char kSelectSeen[] =
    "SELECT s.contact_id, s.outcome, s.channel_ids FROM contacts.inbound_seen s "
    "JOIN contacts.contacts c ON c.account_id = s.account_id AND c.id = s.contact_id "
    "WHERE s.account_id = $1 AND s.inbound_id = $2";
absl::StatusOr<std::optional<InboundSeen>> SelectSeen(storage::Transaction& tx,
                                                      int64_t inbound_id) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectSeen, tx.account_id(), inbound_id));
  if (rows.empty()) return std::nullopt;
  return InboundSeen{rows[0].Int(0), static_cast<v1::InboundOutcome>(rows[0].Int(1)),
                     rows[0].Get<std::vector<std::string>>(2)};
}

// A row of a contact that is gone gives way.
constexpr char kInsertSeen[] =
    "WITH stale AS (DELETE FROM contacts.inbound_seen s WHERE account_id = $1 AND inbound_id = $2 "
    "AND NOT EXISTS (SELECT FROM contacts.contacts c WHERE c.account_id = $1 AND c.id = "
    "s.contact_id)) "
    "INSERT INTO contacts.inbound_seen (account_id, inbound_id, contact_id, outcome, channel_ids, "
    "create_time) VALUES ($1, $2, $3, $4::int, $5, $6)";
absl::Status InsertSeen(storage::Transaction& tx, int64_t inbound_id, const InboundSeen& seen,
                        absl::Time now) {
  return tx.Run(kInsertSeen, tx.account_id(), inbound_id, seen.contact_id,
                static_cast<int32_t>(seen.outcome), seen.channel_ids, now);
}

constexpr char kDeleteSeen[] =
    "DELETE FROM contacts.inbound_seen WHERE ctid = ANY(ARRAY(SELECT ctid FROM "
    "contacts.inbound_seen WHERE create_time < $1 LIMIT 5000))";
absl::StatusOr<bool> DeleteSeen(storage::Transaction& tx, absl::Time before) {
  MO_ASSIGN_OR_RETURN(storage::Result deleted, tx.Query(kDeleteSeen, before));
  return deleted.affected() == 5000;
}

}  // namespace mo::contacts
