#include "services/media/install.h"

#include "libs/storage/database.h"
#include "services/media/service.h"

namespace mo::embedded {
std::vector<storage::Migration> media_migrations();
}

namespace mo::media {

void Install(App& app) {
  storage::Database& database =
      storage::InstallDatabase(app, "media", embedded::media_migrations());
  Folder& folder = app.Own<Folder>(app.options().data_dir + "/media");
  app.OnOpen([&folder] { return folder.Open(); });
  Media& media = app.Own<Media>(app, database, folder);
  app.Serve(app.Own<Service>(app.OwnRpc("media"), media));
}

}  // namespace mo::media
