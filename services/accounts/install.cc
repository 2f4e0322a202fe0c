#include "services/accounts/install.h"

#include "libs/storage/database.h"
#include "services/accounts/service.h"

namespace mo::embedded {
std::vector<storage::Migration> accounts_migrations();
}

namespace mo::accounts {

void Install(App& app) {
  storage::Database& database =
      storage::InstallDatabase(app, "accounts", embedded::accounts_migrations());
  Accounts& accounts = app.Own<Accounts>(database);
  ApiKeys& keys = app.Own<ApiKeys>(app, database);
  app.Serve(app.Own<Service>(app.OwnRpc("accounts"), accounts, keys));
}

}  // namespace mo::accounts
