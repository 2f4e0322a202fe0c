#include "services/accounts/settings.h"

namespace mo::accounts {

v1::Settings DefaultSettings() {
  v1::Settings settings;
  settings.set_time_zone("UTC");
  settings.set_default_language("en");
  settings.set_etag("1");
  return settings;
}

}  // namespace mo::accounts
