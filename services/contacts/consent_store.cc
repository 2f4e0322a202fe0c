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
    "how, hash) SELECT $1, chain, seq, $2, $3, $4, $5, $6, hash FROM head";
void AppendConsent(storage::Transaction& tx, int64_t contact_id, Consent kind, absl::Time time,
                   int64_t inbound_id, const std::string& how) {
  tx.Defer(kAppendConsent, tx.account_id(), contact_id, static_cast<int32_t>(kind), time,
           inbound_id, how);
}

// All of a contact's are in one chain.
constexpr char kSelectDeclared[] =
    "SELECT kind, time, how FROM contacts.consent WHERE account_id = $1 AND contact_id = $2 "
    "ORDER BY seq DESC LIMIT 100";
absl::StatusOr<std::vector<Declared>> SelectDeclared(storage::Transaction& tx, int64_t contact_id) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectDeclared, tx.account_id(), contact_id));
  std::vector<Declared> declared;
  for (const storage::Row row : rows)
    declared.push_back({static_cast<Consent>(row.Int(0)), row.Time(1), row.String(2)});
  return declared;
}

constexpr char kSelectSeen[] =
    "SELECT s.contact_id, s.outcome, s.channel_ids, EXISTS (SELECT FROM contacts.contacts c WHERE "
    "c.account_id = s.account_id AND c.id = s.contact_id) FROM contacts.inbound_seen s "
    "WHERE s.account_id = $1 AND s.inbound_id = $2";
storage::Pending AskSeen(storage::Transaction& tx, int64_t inbound_id) {
  return tx.Ask(kSelectSeen, tx.account_id(), inbound_id);
}

absl::StatusOr<std::optional<InboundSeen>> SeenIn(storage::Pending asked) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, asked.Get());
  if (rows.empty()) return std::nullopt;
  return InboundSeen{rows[0].Int(0), static_cast<v1::InboundOutcome>(rows[0].Int(1)),
                     rows[0].Get<std::vector<std::string>>(2), rows[0].Bool(3)};
}

#define INSERT_SEEN                                                                  \
  "INSERT INTO contacts.inbound_seen (account_id, inbound_id, contact_id, outcome, " \
  "create_time, channel_ids) VALUES ($1, $2, $3, $4::int, $5, "
constexpr char kInsertSeen[] = INSERT_SEEN "$6)";
void InsertSeen(storage::Transaction& tx, int64_t inbound_id, const InboundSeen& seen,
                absl::Time now) {
  tx.Defer(kInsertSeen, tx.account_id(), inbound_id, seen.contact_id,
           static_cast<int32_t>(seen.outcome), now, seen.channel_ids);
}

constexpr char kInsertSeenTaking[] =
    "WITH taken AS (UPDATE contacts.registrations SET applied = true WHERE account_id = $1 AND "
    "contact_id = $3 AND NOT applied AND ($6 = 0 OR id = $6) RETURNING channel_ids) " INSERT_SEEN
    "ARRAY(SELECT DISTINCT unnest(channel_ids) COLLATE \"C\" FROM taken ORDER BY 1)) "
    "RETURNING channel_ids";
storage::Pending InsertSeenTaking(storage::Transaction& tx, int64_t inbound_id,
                                  const InboundSeen& seen, int64_t only, absl::Time now) {
  return tx.Ask(kInsertSeenTaking, tx.account_id(), inbound_id, seen.contact_id,
                static_cast<int32_t>(seen.outcome), now, only);
}

absl::StatusOr<std::vector<std::string>> ChannelsIn(storage::Pending inserted) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, inserted.Get());
  return rows[0].Get<std::vector<std::string>>(0);
}

constexpr char kDeleteFallenSeen[] =
    "DELETE FROM contacts.inbound_seen s WHERE account_id = $1 AND inbound_id = $2 AND NOT EXISTS "
    "(SELECT FROM contacts.contacts c WHERE c.account_id = $1 AND c.id = s.contact_id)";
void DeleteFallenSeen(storage::Transaction& tx, int64_t inbound_id) {
  tx.Defer(kDeleteFallenSeen, tx.account_id(), inbound_id);
}

constexpr char kDeleteSeen[] =
    "DELETE FROM contacts.inbound_seen WHERE ctid = ANY(ARRAY(SELECT ctid FROM "
    "contacts.inbound_seen WHERE create_time < $1 LIMIT 5000))";
absl::StatusOr<bool> DeleteSeen(storage::Transaction& tx, absl::Time before) {
  MO_ASSIGN_OR_RETURN(storage::Result deleted, tx.Query(kDeleteSeen, before));
  return deleted.affected() == 5000;
}

}  // namespace mo::contacts
