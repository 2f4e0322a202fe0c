#include "services/statistics/install.h"

#include "libs/storage/database.h"
#include "services/statistics/consumer.h"
#include "services/statistics/service.h"

namespace mo::embedded {
std::vector<storage::Migration> statistics_migrations();
}

namespace mo::statistics {

void Install(App& app) {
  storage::Database& database =
      storage::InstallDatabase(app, "statistics", embedded::statistics_migrations());
  events::InstallConsumer(app, database, OptionsOf(kConsumer),
                          [](storage::Transaction& tx, const std::vector<events::Event>& batch) {
                            return RollUp(tx, Ledger::kLive, batch);
                          });
  app.OwnWorker("statistics-retention", absl::Minutes(5), [&app, &database] {
    return database.AsSystem(
        [&](storage::Transaction& tx) { return DeleteOldRollups(tx, app.clock().Now()); });
  });
  Recounting& recounting = app.Own<Recounting>(app, database);
  app.OnRun([] { return absl::OkStatus(); }, [&recounting] { recounting.Stop(); });
  app.OwnWorker("statistics-recount", absl::Seconds(1),
                [&recounting] { return recounting.RunOnce(); });
  Statistics& statistics = app.Own<Statistics>(app, database);
  app.Serve(app.Own<Service>(app.OwnRpc("statistics"), statistics, app.Own<Prices>(app, database),
                             recounting));
}

}  // namespace mo::statistics
