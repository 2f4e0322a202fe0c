#include "services/contacts/registration_store.h"

#include "libs/runtime/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "services/contacts/errors.h"

namespace mo::contacts {

constexpr char kInsertRegistration[] =
    "INSERT INTO contacts.registrations (account_id, id, contact_id, network, sim_address, "
    "sim_display_name, link_text, channel_ids, language, create_time) "
    "VALUES ($1, $2, $3, $4::int, $5, $6, $7, $8, $9, $10)";
void InsertRegistration(storage::Transaction& tx, const RegistrationRow& row) {
  const v1::Registration& registration = row.registration;
  tx.Defer(kInsertRegistration, tx.account_id(), IdOf(registration.id()),
           IdOf(registration.contact_id()), static_cast<int32_t>(registration.network()),
           registration.sim_address(), registration.sim_display_name(), row.link_text,
           std::vector<std::string>(registration.channel_ids().begin(),
                                    registration.channel_ids().end()),
           row.language, FromProto(registration.create_time()));
}

constexpr char kSelectRegistration[] =
    "SELECT r.contact_id, r.network, r.sim_address, r.sim_display_name, r.link_text, "
    "r.channel_ids, r.language, r.create_time, c.state FROM contacts.registrations r "
    "JOIN contacts.contacts c ON c.account_id = r.account_id AND c.id = r.contact_id "
    "WHERE r.account_id = $1 AND r.id = $2";
absl::StatusOr<RegistrationRow> SelectRegistration(storage::Transaction& tx, int64_t id) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectRegistration, tx.account_id(), id));
  if (rows.empty()) return RegistrationNotFound();
  RegistrationRow row;
  v1::Registration& registration = row.registration;
  registration.set_id(FormatId("reg", id));
  registration.set_contact_id(FormatId("con", rows[0].Int(0)));
  registration.set_network(static_cast<messageorganizer::common::v1::Network>(rows[0].Int(1)));
  registration.set_sim_address(rows[0].String(2));
  registration.set_sim_display_name(rows[0].String(3));
  row.link_text = rows[0].String(4);
  for (std::string& channel : rows[0].Get<std::vector<std::string>>(5)) {
    registration.add_channel_ids(std::move(channel));
  }
  row.language = rows[0].String(6);
  *registration.mutable_create_time() = ToProto(rows[0].Time(7));
  registration.set_contact_state(static_cast<v1::ContactState>(rows[0].Int(8)));
  return row;
}

constexpr char kMoveRegistrations[] =
    "UPDATE contacts.registrations SET contact_id = $3 WHERE account_id = $1 AND contact_id = $2";
void MoveRegistrations(storage::Transaction& tx, int64_t from_contact, int64_t to_contact) {
  tx.Defer(kMoveRegistrations, tx.account_id(), from_contact, to_contact);
}

constexpr char kDeleteRegistrations[] =
    "DELETE FROM contacts.registrations WHERE account_id = $1 AND contact_id = ANY($2)";
void DeleteRegistrations(storage::Transaction& tx, const std::vector<int64_t>& contact_ids) {
  tx.Defer(kDeleteRegistrations, tx.account_id(), contact_ids);
}

}  // namespace mo::contacts
