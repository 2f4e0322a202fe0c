// The links service, to be installed into an App.
#pragma once

#include "libs/runtime/app.h"
#include "services/links/click_log.h"
#include "services/links/counter.h"
#include "services/links/redirect.h"

namespace mo::links {

// What tests look at.
struct Parts {
  storage::Database& database;
  Redirect& redirect;
  Counter& counter;
};

// Everything, set up as given. `spool_folder` empty: below the app's data_dir.
Parts InstallWith(App& app, RedirectOptions redirect, const std::string& redirect_url,
                  std::string spool_folder);

// Everything, set up by flags.
void Install(App& app);

}  // namespace mo::links
