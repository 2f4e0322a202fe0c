#include "services/rules/install.h"

#include "libs/events/events.h"
#include "libs/storage/database.h"
#include "services/rules/act.h"
#include "services/rules/catalogue.h"
#include "services/rules/inbox_events.h"
#include "services/rules/rulebook.h"
#include "services/rules/service.h"

namespace mo::embedded {
std::vector<storage::Migration> rules_migrations();
}

namespace mo::rules {
namespace {

// They share the partitions of inbox's stream, so that a slow answer holds up only some of them.
constexpr int kConsumers = 2;

}  // namespace

void Install(App& app) {
  storage::Database& database =
      storage::InstallDatabase(app, "rules", embedded::rules_migrations());
  Rulebooks& rulebooks = app.Own<Rulebooks>(app, database);
  Actor& actor = app.Own<Actor>(app);
  InboxEvents& inbox_events = app.Own<InboxEvents>(app, database, rulebooks, actor);
  for (int i = 0; i < kConsumers; ++i) {
    events::InstallConsumer(
        app, database, {.name = "rules", .sources = {"inbox"}, .wants = InboxEvents::Wants},
        [&inbox_events](storage::Transaction& tx, const std::vector<events::Event>& batch) {
          return inbox_events.Handle(tx, batch);
        });
  }
  Rules& rules = app.Own<Rules>(app, database, rulebooks);
  app.OwnWorker("rules-evaluations", absl::Minutes(10), [&rules] { return rules.DeleteOld(); });
  Catalogue& catalogue = app.Own<Catalogue>(app, database, rulebooks);
  app.OwnWorker("rules-counts", absl::Minutes(10), [&catalogue] { return catalogue.DeleteOld(); });
  app.Serve(app.Own<Service>(app.OwnRpc("rules"), rules, catalogue));
}

}  // namespace mo::rules
