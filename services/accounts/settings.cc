#include "services/accounts/settings.h"

#include <re2/re2.h>

#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/runtime/errors.h"

namespace mo::accounts {
namespace {

constexpr char kDefaultTimeZone[] = "UTC";

// Whether the machine's zone database has the file. Asked before absl, which remembers every name
// that it was ever asked for: bad names must not fill its memory.
bool IsInZoneDatabase(const std::string& name) {
  const char* folder = std::getenv("TZDIR");
  std::error_code error;
  return std::filesystem::is_regular_file(
      absl::StrCat(folder != nullptr ? folder : "/usr/share/zoneinfo", "/", name), error);
}

bool IsTimeZone(const std::string& name) {
  // No dots, colons or leading slash: absl would open any file that such a name points to. No
  // lower-case start: "localtime" and "posix/…" are the machine's own, not IANA's.
  static const re2::RE2 name_pattern("[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*");
  if (name == kDefaultTimeZone) return true;
  absl::TimeZone zone;
  return re2::RE2::FullMatch(name, name_pattern) && IsInZoneDatabase(name) &&
         absl::LoadTimeZone(name, &zone);
}

}  // namespace

v1::Settings DefaultSettings() {
  v1::Settings settings;
  settings.set_time_zone(kDefaultTimeZone);
  settings.set_default_language("en");
  settings.set_etag("1");
  return settings;
}

absl::Status CheckTimeZone(absl::string_view field, const std::string& name) {
  if (IsTimeZone(name)) return absl::OkStatus();
  return InvalidField(field, "UNKNOWN_TIME_ZONE",
                      "must be the name of an IANA time zone, e.g. Europe/Vienna");
}

}  // namespace mo::accounts
