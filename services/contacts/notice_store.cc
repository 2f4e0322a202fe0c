#include "services/contacts/notice_store.h"

#include <map>

#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"

namespace mo::contacts {
namespace {

// Rows of keys as arrays.
struct KeyColumns {
  std::vector<int64_t> accounts, contacts, events, attempts;

  explicit KeyColumns(const std::vector<NoticeKey>& keys) {
    for (const NoticeKey& key : keys) {
      accounts.push_back(key.account_id);
      contacts.push_back(key.contact_id);
      events.push_back(key.event_id);
      attempts.push_back(key.attempt);
    }
  }
};

#define NOTICE_KEYS(values)                                                              \
  "unnest((SELECT $1::bigint[]), (SELECT $2::bigint[]), (SELECT $3::bigint[]), (SELECT " \
  "$4::bigint[])) AS k (account_id, contact_id, event_id, attempt)" values
#define OF_KEY                                                                               \
  "n.account_id = k.account_id AND n.contact_id = k.contact_id AND n.event_id = k.event_id " \
  "AND n.attempt = k.attempt"

// Contacts that wait for their first SIM: whoever has been given it asks again, and the place is
// given up. Before contacts are looked at, for whoever enters one meanwhile holds this row.
constexpr char kCondemnMoved[] =
    "UPDATE contacts.places p SET releasing = true FROM unnest((SELECT $1::bigint[]), (SELECT "
    "$2::bigint[])) AS m (account_id, contact_id) WHERE p.account_id = m.account_id AND "
    "p.contact_id "
    "= m.contact_id";
// In the order of ids, as others lock contacts one by one. WhatsApp's own id of somebody is known
// to one business only: the new SIM, which may be of another, gets the number where it is known;
// with the next message the id comes back.
constexpr char kMoveContacts[] =
    "WITH moved AS (SELECT c.account_id, c.id, m.sim_id FROM unnest((SELECT $1::bigint[]), (SELECT "
    "$2::bigint[]), (SELECT $3::bigint[])) AS m (account_id, id, sim_id) JOIN contacts.contacts c "
    "ON c.account_id = m.account_id AND c.id = m.id WHERE c.sim_id <> m.sim_id ORDER BY "
    "c.account_id, c.id FOR NO KEY UPDATE OF c) UPDATE contacts.contacts c SET former_sim_id = "
    "c.sim_id, sim_id = m.sim_id, version = c.version + 1, notice_waits = false, address = CASE "
    "WHEN "
    "c.network = 1 AND c.phone IS NOT NULL AND NOT EXISTS (SELECT 1 FROM contacts.contacts o WHERE "
    "o.account_id = c.account_id AND o.network = 1 AND o.address = c.phone) THEN c.phone ELSE "
    "c.address END FROM moved m WHERE "
    "c.account_id = m.account_id AND c.id = m.id RETURNING c.account_id, c.id, c.state, "
    "c.former_sim_id, c.sim_id";
constexpr char kMoveRegistrations[] =
    "UPDATE contacts.registrations r SET sim_address = m.address, sim_display_name = m.name FROM "
    "unnest((SELECT $1::bigint[]), (SELECT $2::bigint[]), (SELECT $3::text[]), (SELECT "
    "$4::text[])) AS m (account_id, contact_id, address, name) WHERE r.account_id = m.account_id "
    "AND r.contact_id = m.contact_id";
constexpr char kGiveUpNotices[] =
    "DELETE FROM contacts.notices n USING unnest((SELECT $1::bigint[]), (SELECT $2::bigint[])) AS "
    "m "
    "(account_id, contact_id) WHERE n.account_id = m.account_id AND n.contact_id = m.contact_id";
constexpr char kInsertNotices[] =
    "INSERT INTO contacts.notices (account_id, contact_id, sim_id, sim_address, sim_display_name, "
    "content, event_id, due_time) SELECT *, $8 FROM unnest((SELECT $1::bigint[]), (SELECT "
    "$2::bigint[]), (SELECT $3::bigint[]), (SELECT $4::text[]), (SELECT $5::text[]), (SELECT "
    "$6::bytea[]), (SELECT $7::bigint[]))";

constexpr char kTakeDueNotices[] =
    "WITH due AS (SELECT account_id, contact_id FROM contacts.notices WHERE phase = 1 AND due_time "
    "<= $1 ORDER BY due_time LIMIT $3 FOR UPDATE SKIP LOCKED), taken AS (UPDATE contacts.notices n "
    "SET due_time = $2 FROM due WHERE n.account_id = due.account_id AND n.contact_id = "
    "due.contact_id RETURNING n.*) SELECT t.account_id, t.contact_id, t.event_id, t.attempt, "
    "t.sim_id, t.sim_address, t.sim_display_name, t.content, c.state = 2 AND c.sim_id = t.sim_id, "
    "c.address, c.display_name FROM taken t LEFT JOIN contacts.contacts c ON c.account_id = "
    "t.account_id AND c.id = t.contact_id";
// News of it may have come before.
constexpr char kMarkNotices[] =
    "UPDATE contacts.notices n SET phase = 2, submit_time = $5 FROM " NOTICE_KEYS(" WHERE ") OF_KEY
    " AND n.phase = 1";
constexpr char kDeleteNotices[] =
    "DELETE FROM contacts.notices n USING " NOTICE_KEYS(" WHERE ") OF_KEY;
constexpr char kPutOffNotices[] =
    "WITH off AS (UPDATE contacts.notices n SET phase = CASE WHEN c.last_inbound_time > "
    "n.submit_time THEN 1 ELSE 3 END, attempt = n.attempt + 1, due_time = $5 FROM "
    "contacts.contacts "
    "c, " NOTICE_KEYS(" WHERE ") OF_KEY
    " AND n.phase IN (1, 2) AND c.account_id = n.account_id AND c.id = n.contact_id RETURNING "
    "n.account_id, n.contact_id, n.phase) UPDATE contacts.contacts c SET notice_waits = true FROM "
    "off WHERE off.phase = 3 AND c.account_id = off.account_id AND c.id = off.contact_id";
constexpr char kWakeNotice[] =
    "WITH woken AS (UPDATE contacts.notices SET phase = 1, due_time = $3 WHERE account_id = $1 AND "
    "contact_id = $2 AND phase = 3) UPDATE contacts.contacts SET notice_waits = false WHERE "
    "account_id = $1 AND id = $2";

}  // namespace

absl::StatusOr<std::vector<MovedContact>> EnterMoves(storage::Transaction& tx,
                                                     const std::vector<Move>& moves,
                                                     absl::Time now) {
  std::map<std::pair<int64_t, int64_t>, const Move*> by_contact;
  std::vector<int64_t> accounts, contacts, sims;
  std::vector<std::string> addresses, names;
  for (const Move& move : moves) {
    const int64_t contact = IdOf(move.event.contact_id());
    by_contact[{move.account_id, contact}] = &move;
    accounts.push_back(move.account_id);
    contacts.push_back(contact);
    sims.push_back(IdOf(move.event.new_sim_id()));
    addresses.push_back(move.event.address());
    names.push_back(move.event.display_name());
  }
  MO_RETURN_IF_ERROR(tx.Run(kCondemnMoved, accounts, contacts));
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kMoveContacts, accounts, contacts, sims));
  tx.Defer(kMoveRegistrations, accounts, contacts, addresses, names);
  tx.Defer(kGiveUpNotices, accounts, contacts);
  struct {
    std::vector<int64_t> accounts, contacts, sims, events;
    std::vector<std::string> addresses, names, contents;
  } told;
  constexpr auto kActive = messageorganizer::contacts::v1::CONTACT_STATE_ACTIVE;
  std::vector<MovedContact> active;
  for (const storage::Row row : rows) {
    const Move& move = *by_contact.at({row.Int(0), row.Int(1)});
    if (row.Int(2) != kActive) continue;
    active.push_back({row.Int(0), row.Int(1), row.Int(3), row.Int(4)});
    if (!move.event.has_notice()) continue;
    told.accounts.push_back(row.Int(0));
    told.contacts.push_back(row.Int(1));
    told.sims.push_back(IdOf(move.event.new_sim_id()));
    told.addresses.push_back(move.event.address());
    told.names.push_back(move.event.display_name());
    told.contents.push_back(move.event.notice().SerializeAsString());
    told.events.push_back(move.event_id);
  }
  if (told.accounts.empty()) return active;
  std::vector<storage::Bytes> contents;
  for (const std::string& content : told.contents) contents.push_back({content});
  tx.Defer(kInsertNotices, told.accounts, told.contacts, told.sims, told.addresses, told.names,
           contents, told.events, now);
  return active;
}

absl::StatusOr<std::vector<Notice>> TakeDueNotices(storage::Transaction& tx, absl::Time now,
                                                   absl::Time retry_time, int32_t limit) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kTakeDueNotices, now, retry_time, limit));
  std::vector<Notice> notices;
  for (const storage::Row row : rows) {
    notices.push_back({{row.Int(0), row.Int(1), row.Int(2), row.Int(3)},
                       row.Int(4),
                       row.String(5),
                       row.String(6),
                       row.String(7),
                       !row.IsNull(8) && row.Bool(8),
                       row.String(9),
                       row.String(10)});
  }
  return notices;
}

void MarkNotices(storage::Transaction& tx, const std::vector<NoticeKey>& keys, absl::Time now) {
  const KeyColumns columns(keys);
  tx.Defer(kMarkNotices, columns.accounts, columns.contacts, columns.events, columns.attempts, now);
}

void DeleteNotices(storage::Transaction& tx, const std::vector<NoticeKey>& keys) {
  const KeyColumns columns(keys);
  tx.Defer(kDeleteNotices, columns.accounts, columns.contacts, columns.events, columns.attempts);
}

void PutOffNotices(storage::Transaction& tx, const std::vector<NoticeKey>& keys, absl::Time now) {
  const KeyColumns columns(keys);
  tx.Defer(kPutOffNotices, columns.accounts, columns.contacts, columns.events, columns.attempts,
           now);
}

void WakeNotice(storage::Transaction& tx, int64_t contact_id, absl::Time now) {
  tx.Defer(kWakeNotice, tx.account_id(), contact_id, now);
}

}  // namespace mo::contacts
