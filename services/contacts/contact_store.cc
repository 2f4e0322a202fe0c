#include "services/contacts/contact_store.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/runtime/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "services/contacts/errors.h"
#include "services/contacts/phone_zones.h"

namespace mo::contacts {
namespace {

// Columns in the order that FromRow reads.
#define CONTACT_COLUMNS                                                                         \
  "c.id, c.network, c.address, c.phone, c.display_name, c.language, c.state, c.sim_id, "        \
  "c.attributes, c.create_time, c.activate_time, c.last_inbound_time, c.stop_time, c.version, " \
  "c.suppress_synced, c.time_zone, c.notice_waits, c.former_sim_id"

// {"attributes": {…}} of a contact that has only these: protobuf's JSON is PostgreSQL's.
std::string AttributesJson(const v1::Contact& contact) {
  if (contact.attributes().empty()) return "{}";
  v1::Contact part;
  *part.mutable_attributes() = contact.attributes();
  std::string json;
  // Cannot fail: a map of strings has a JSON form.
  (void)google::protobuf::util::MessageToJsonString(part, &json);
  return json;
}

void ReadAttributes(const std::string& json, v1::Contact& contact) {
  if (json == "{}") return;
  v1::Contact part;
  (void)google::protobuf::util::JsonStringToMessage(absl::StrCat("{\"attributes\":", json, "}"),
                                                    &part);
  *contact.mutable_attributes() = std::move(*part.mutable_attributes());
}

ContactRow FromRow(const storage::Row& columns) {
  ContactRow row;
  row.id = columns.Int(0);
  v1::Contact& contact = row.contact;
  contact.set_id(FormatId("con", row.id));
  contact.set_network(static_cast<Network>(columns.Int(1)));
  contact.set_address(columns.String(2));
  contact.set_phone(columns.String(3));
  contact.set_display_name(columns.String(4));
  contact.set_language(columns.String(5));
  contact.set_state(static_cast<v1::ContactState>(columns.Int(6)));
  if (!columns.IsNull(7)) contact.set_sim_id(FormatId("sim", columns.Int(7)));
  ReadAttributes(columns.String(8), contact);
  *contact.mutable_create_time() = ToProto(columns.Time(9));
  if (!columns.IsNull(10)) *contact.mutable_activate_time() = ToProto(columns.Time(10));
  if (!columns.IsNull(11)) *contact.mutable_last_inbound_time() = ToProto(columns.Time(11));
  if (!columns.IsNull(12)) *contact.mutable_stop_time() = ToProto(columns.Time(12));
  row.version = columns.Int(13);
  contact.set_etag(absl::StrCat(row.version));
  row.suppress_synced = columns.Bool(14);
  contact.set_time_zone(columns.String(15));
  row.notice_waits = columns.Bool(16);
  if (!columns.IsNull(17)) row.former_sim_id = columns.Int(17);
  return row;
}

std::optional<std::string> OrNull(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return text;
}

std::optional<int64_t> SimOrNull(const v1::Contact& contact) {
  if (contact.sim_id().empty()) return std::nullopt;
  return IdOf(contact.sim_id());
}

// The clock that a contact lives by: its own if it is known, else its phone number's.
std::string ZoneOf(std::string own, const std::string& phone, const v1::ResolvedContact& contact) {
  if (!own.empty()) return own;
  const bool by_address = phone.empty() && AddressIsPhone(contact.network());
  return std::string(ZoneOfPhone(by_address ? contact.address() : phone));
}

}  // namespace

constexpr char kInsertContact[] =
    "INSERT INTO contacts.contacts (account_id, id, network, address, phone, display_name, "
    "language, state, sim_id, attributes, create_time, activate_time, last_inbound_time, version, "
    "time_zone) VALUES ($1, $2, $3::int, $4, $5, $6, $7, $8::int, $9, "
    "coalesce($10::text::jsonb -> 'attributes', '{}'), $11, $12, $13, $14, $15)";
void InsertContact(storage::Transaction& tx, const ContactRow& row) {
  const v1::Contact& contact = row.contact;
  tx.Defer(kInsertContact, tx.account_id(), row.id, static_cast<int32_t>(contact.network()),
           OrNull(contact.address()), OrNull(contact.phone()), contact.display_name(),
           contact.language(), static_cast<int32_t>(contact.state()), SimOrNull(contact),
           AttributesJson(contact), FromProto(contact.create_time()),
           FromProto(contact.activate_time()), FromProto(contact.last_inbound_time()), row.version,
           OrNull(contact.time_zone()));
}

constexpr char kSaveContact[] =
    "UPDATE contacts.contacts SET address = $3, phone = $4, display_name = $5, language = $6, "
    "state = $7::int, sim_id = $8, attributes = coalesce($9::text::jsonb -> 'attributes', '{}'), "
    "activate_time = $10, last_inbound_time = $11, stop_time = $12, version = $13, "
    "suppress_synced = $14, time_zone = $15 WHERE account_id = $1 AND id = $2";
void SaveContact(storage::Transaction& tx, const ContactRow& row) {
  const v1::Contact& contact = row.contact;
  tx.Defer(kSaveContact, tx.account_id(), row.id, OrNull(contact.address()),
           OrNull(contact.phone()), contact.display_name(), contact.language(),
           static_cast<int32_t>(contact.state()), SimOrNull(contact), AttributesJson(contact),
           FromProto(contact.activate_time()), FromProto(contact.last_inbound_time()),
           FromProto(contact.stop_time()), row.version, row.suppress_synced,
           OrNull(contact.time_zone()));
}

constexpr char kSaveLastInbound[] =
    "UPDATE contacts.contacts SET last_inbound_time = $3 WHERE account_id = $1 AND id = $2";
void SaveLastInbound(storage::Transaction& tx, const ContactRow& row) {
  tx.Defer(kSaveLastInbound, tx.account_id(), row.id, FromProto(row.contact.last_inbound_time()));
}

constexpr char kDeleteContacts[] =
    "WITH notices AS (DELETE FROM contacts.notices WHERE account_id = $1 AND contact_id = ANY($2)) "
    "DELETE FROM contacts.contacts WHERE account_id = $1 AND id = ANY($2)";
void DeleteContacts(storage::Transaction& tx, const std::vector<int64_t>& ids) {
  tx.Defer(kDeleteContacts, tx.account_id(), ids);
}

#define SELECT_CONTACT \
  "SELECT " CONTACT_COLUMNS " FROM contacts.contacts c WHERE c.account_id = $1 "
#define LOCKED " FOR NO KEY UPDATE OF c"

constexpr char kSelectContact[] = SELECT_CONTACT "AND c.id = $2";
constexpr char kLockContact[] = SELECT_CONTACT "AND c.id = $2" LOCKED;
storage::Pending AskContact(storage::Transaction& tx, int64_t id, Lock lock) {
  return tx.Ask(lock == Lock::kYes ? kLockContact : kSelectContact, tx.account_id(), id);
}

// One statement, which looks for the phone only when there is no such address. The id is one value
// for the planner: a coalesce() of two would keep row-level security from using the index. The last
// condition is for a row that another transaction changes while this one waits for its lock; a
// CASE, so that no plan looks it up instead of the id.
#define WITH_IDENTITY "account_id = $1 AND network = $2::int AND "
#define BY_IDENTITY                                        \
  SELECT_CONTACT                                           \
  "AND c.id = (SELECT coalesce("                           \
  "(SELECT id FROM contacts.contacts WHERE " WITH_IDENTITY \
  "address = $3), "                                        \
  "(SELECT id FROM contacts.contacts WHERE " WITH_IDENTITY \
  "phone = $4 "                                            \
  "ORDER BY (address = $4) IS TRUE DESC, id LIMIT 1))) "   \
  "AND CASE WHEN c.address = $3 THEN true ELSE c.phone = $4 END"
constexpr char kSelectByIdentity[] = BY_IDENTITY;
const char kLockByIdentity[] = BY_IDENTITY LOCKED;
storage::Pending AskByIdentity(storage::Transaction& tx, const Identity& identity, Lock lock) {
  return tx.Ask(lock == Lock::kYes ? kLockByIdentity : kSelectByIdentity, tx.account_id(),
                static_cast<int32_t>(identity.network), OrNull(identity.address),
                OrNull(identity.phone));
}

constexpr char kLockByRegistration[] = SELECT_CONTACT
    "AND c.id = (SELECT contact_id FROM contacts.registrations WHERE account_id = $1 AND id = "
    "$2)" LOCKED;
storage::Pending AskByRegistration(storage::Transaction& tx, int64_t registration_id) {
  return tx.Ask(kLockByRegistration, tx.account_id(), registration_id);
}

absl::StatusOr<std::optional<ContactRow>> Found(storage::Pending asked) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, asked.Get());
  if (rows.empty()) return std::nullopt;
  return FromRow(rows[0]);
}

absl::StatusOr<ContactRow> SelectContact(storage::Transaction& tx, int64_t id, Lock lock) {
  MO_ASSIGN_OR_RETURN(std::optional<ContactRow> row, Found(AskContact(tx, id, lock)));
  if (!row) return ContactNotFound();
  return *std::move(row);
}

// Only the filters that are asked for, so that each combination gets a plan of its own. The ranges
// are what LIKE 'x%' means, in a form that a plan made before the value is known can look up.
absl::StatusOr<std::vector<v1::Contact>> SelectContacts(storage::Transaction& tx,
                                                        const v1::ListContactsRequest& request,
                                                        int64_t before, int32_t limit) {
  std::string sql = SELECT_CONTACT "AND c.id < $2";
  storage::Parameters parameters(tx.account_id(), before);
  auto next = [&] { return absl::StrCat("$", parameters.size()); };
  if (request.state() != v1::CONTACT_STATE_UNSPECIFIED) {
    parameters.Add(static_cast<int32_t>(request.state()));
    absl::StrAppend(&sql, " AND state = ", next(), "::int");
  }
  if (!request.sim_id().empty()) {
    parameters.Add(IdOf(request.sim_id()));
    absl::StrAppend(&sql, " AND sim_id = ", next());
  }
  if (!request.query().empty()) {
    parameters.Add(request.query());
    const std::string text = next();
    auto begins = [&](absl::string_view column, const std::string& from) {
      return absl::StrCat("(", column, " ~>=~ ", from, " AND ", column, " ~<~ (", from,
                          " || chr(1114111)))");
    };
    absl::StrAppend(&sql, " AND (", begins("name_key", absl::StrCat("lower(", text, ")")), " OR ",
                    begins("phone", text), " OR ", begins("address", text), ")");
  }
  parameters.Add(limit);
  absl::StrAppend(&sql, " ORDER BY id DESC LIMIT ", next());
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(sql, parameters));
  std::vector<v1::Contact> contacts;
  for (const storage::Row row : rows) contacts.push_back(FromRow(row).contact);
  return contacts;
}

constexpr char kSelectCounts[] =
    "SELECT sum(pending)::bigint, sum(active)::bigint, sum(stopped)::bigint FROM contacts.counts "
    "WHERE account_id = $1";
absl::StatusOr<v1::CountContactsResponse> SelectCounts(storage::Transaction& tx) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectCounts, tx.account_id()));
  v1::CountContactsResponse response;
  response.set_pending(rows[0].Int(0));
  response.set_active(rows[0].Int(1));
  response.set_stopped(rows[0].Int(2));
  return response;
}

// A column per parameter: extracting them in the select list is several times cheaper than a
// subquery per row, and there are at most 50 texts of the statement.
absl::StatusOr<v1::ResolveContactsResponse> SelectResolved(
    storage::Transaction& tx, const v1::ResolveContactsRequest& request) {
  std::string sql = "SELECT id, state, sim_id, network, address";
  storage::Parameters parameters(
      tx.account_id(),
      std::vector<int64_t>(request.contact_ids().begin(), request.contact_ids().end()));
  for (const std::string& name : request.parameters()) {
    if (name == "name") {
      absl::StrAppend(&sql, ", display_name");
    } else {
      parameters.Add(absl::StripPrefix(name, "attributes."));
      absl::StrAppend(&sql, ", attributes ->> $", parameters.size(), "::text");
    }
  }
  if (request.time_zones()) absl::StrAppend(&sql, ", time_zone, phone");
  absl::StrAppend(&sql, " FROM contacts.contacts WHERE account_id = $1 AND id = ANY($2)");
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(sql, parameters));
  v1::ResolveContactsResponse response;
  response.mutable_contacts()->Reserve(rows.size());
  for (const storage::Row row : rows) {
    v1::ResolvedContact& contact = *response.add_contacts();
    contact.set_id(row.Int(0));
    contact.set_state(static_cast<v1::ContactState>(row.Int(1)));
    if (!row.IsNull(2)) contact.set_sim_id(FormatId("sim", row.Int(2)));
    contact.set_network(static_cast<Network>(row.Int(3)));
    contact.set_address(row.String(4));
    for (int i = 0; i < request.parameters_size(); ++i) contact.add_parameters(row.String(5 + i));
    if (request.time_zones()) {
      const int at = 5 + request.parameters_size();
      contact.set_time_zone(ZoneOf(row.String(at), row.String(at + 1), contact));
    }
  }
  std::sort(response.mutable_contacts()->pointer_begin(),
            response.mutable_contacts()->pointer_end(),
            [](const auto* a, const auto* b) { return a->id() < b->id(); });
  return response;
}

constexpr char kSelectUnsynced[] =
    "SELECT account_id, id FROM contacts.contacts WHERE NOT suppress_synced LIMIT $1";
absl::StatusOr<std::vector<ContactKey>> SelectUnsynced(storage::Transaction& tx, int32_t limit) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectUnsynced, limit));
  std::vector<ContactKey> keys;
  for (const storage::Row row : rows) keys.push_back({row.Int(0), row.Int(1)});
  return keys;
}

constexpr char kMarkSynced[] =
    "UPDATE contacts.contacts SET suppress_synced = true WHERE account_id = $1 AND id = $2 AND "
    "version = $3";
void MarkSynced(storage::Transaction& tx, int64_t id, int64_t version) {
  tx.Defer(kMarkSynced, tx.account_id(), id, version);
}

constexpr char kSelectAccounts[] = "SELECT DISTINCT account_id FROM contacts.counts ORDER BY 1";
absl::StatusOr<std::vector<int64_t>> SelectAccounts(storage::Transaction& tx) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectAccounts));
  std::vector<int64_t> accounts;
  for (const storage::Row row : rows) accounts.push_back(row.Int(0));
  return accounts;
}

constexpr char kLockExpired[] =
    "SELECT id FROM contacts.contacts WHERE account_id = $1 AND state = $2::int AND "
    "CASE WHEN state = 3 THEN stop_time ELSE create_time END < $3 ORDER BY id LIMIT $4 "
    "FOR UPDATE SKIP LOCKED";
absl::StatusOr<std::vector<ContactKey>> LockExpired(storage::Transaction& tx,
                                                    v1::ContactState state, absl::Time before,
                                                    int32_t limit) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kLockExpired, tx.account_id(),
                                                     static_cast<int32_t>(state), before, limit));
  std::vector<ContactKey> keys;
  for (const storage::Row row : rows) keys.push_back({tx.account_id(), row.Int(0)});
  return keys;
}

}  // namespace mo::contacts
