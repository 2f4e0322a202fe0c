#include "services/contacts/install.h"

#include "libs/runtime/status.h"
#include "libs/storage/database.h"
#include "services/contacts/notices.h"
#include "services/contacts/retention.h"
#include "services/contacts/service.h"
#include "services/contacts/sims_events.h"
#include "services/contacts/wishes.h"

namespace mo::embedded {
std::vector<storage::Migration> contacts_migrations();
}

namespace mo::contacts {
namespace {

// How long answers to inbound messages are kept: longer than any event is (7 days).
constexpr absl::Duration kSeenRetention = absl::Hours(30 * 24);

void InstallWorkers(App& app, storage::Database& database, Places& places,
                    Suppression& suppression) {
  app.OwnWorker("contacts-places", absl::Seconds(5), [&places] { return places.Sweep(); });
  app.OwnWorker("contacts-suppression", absl::Seconds(5),
                [&suppression] { return suppression.SettleAll(); });
  Retention& retention = app.Own<Retention>(app, database);
  app.OwnWorker("contacts-retention", absl::Hours(1), [&retention] { return retention.RunOnce(); });
  app.OwnWorker("contacts-inbound-seen", absl::Hours(1), [&app, &database] {
    return database.AsSystem([&](storage::Transaction& tx) {
      return DeleteSeen(tx, app.clock().Now() - kSeenRetention);
    });
  });
}

}  // namespace

void Install(App& app) {
  storage::Database& database =
      storage::InstallDatabase(app, "contacts", embedded::contacts_migrations());
  events::Outbox& outbox = events::InstallOutbox(app, database);
  Places& places = app.Own<Places>(app, database);
  Suppression& suppression = app.Own<Suppression>(app, database);
  Registrations& registrations = app.Own<Registrations>(app, database, outbox, places);
  Contacts& contacts = app.Own<Contacts>(app, database, outbox, suppression);
  Inbound& inbound = app.Own<Inbound>(app, database, outbox, places, suppression);
  InstallWorkers(app, database, places, suppression);
  Wishes& wishes = app.Own<Wishes>(app, database, outbox, suppression);
  SimsEvents& sims_events = app.Own<SimsEvents>(app, outbox);
  events::InstallConsumer(
      app, database,
      {.name = "contacts",
       .sources = {"sims"},
       .wants = [](const events::Event& e) { return SimsEvents::Wants(e) || Wishes::Wants(e); }},
      [&](storage::Transaction& tx, const std::vector<events::Event>& batch) -> absl::Status {
        // In transactions of their own, so before this one writes.
        MO_RETURN_IF_ERROR(wishes.Handle(batch));
        return sims_events.Handle(tx, batch);
      });
  Notices& notices = app.Own<Notices>(app, database);
  app.OwnWorker("contacts-notices", absl::Seconds(1), [&notices] { return notices.RunOnce(); });
  app.Serve(app.Own<Service>(app.OwnRpc("contacts"), registrations, contacts, inbound));
}

}  // namespace mo::contacts
