#include "services/statistics/install.h"

#include "libs/events/events.h"
#include "libs/storage/database.h"
#include "services/statistics/rollup.h"
#include "services/statistics/service.h"

namespace mo::embedded {
std::vector<storage::Migration> statistics_migrations();
}

namespace mo::statistics {

void Install(App& app) {
  storage::Database& database =
      storage::InstallDatabase(app, "statistics", embedded::statistics_migrations());
  events::ConsumerOptions options;
  options.name = "statistics";
  options.sources = {"contacts", "channels", "inbox"};
  options.wants = Counts;
  options.linger = absl::Milliseconds(200);
  events::InstallConsumer(app, database, std::move(options), RollUp);
  Statistics& statistics = app.Own<Statistics>(app, database);
  app.Serve(app.Own<Service>(app.OwnRpc("statistics"), statistics));
}

}  // namespace mo::statistics
