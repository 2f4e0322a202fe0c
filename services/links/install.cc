#include "services/links/install.h"

#include "libs/storage/database.h"
#include "services/links/service.h"

namespace mo::embedded {
std::vector<storage::Migration> links_migrations();
}

namespace mo::links {

void Install(App& app) {
  storage::Database& database =
      storage::InstallDatabase(app, "links", embedded::links_migrations());
  Links& links = app.Own<Links>(app, database);
  app.Serve(app.Own<Service>(app.OwnRpc("links"), links));
}

}  // namespace mo::links
