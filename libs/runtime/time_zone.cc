#include "libs/runtime/time_zone.h"

#include <re2/re2.h>

#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace mo {
namespace {

// Whether the machine's zone database has the file. Asked before absl, which remembers every name
// that it was ever asked for: bad names must not fill its memory.
bool IsInZoneDatabase(const std::string& name) {
  const char* folder = std::getenv("TZDIR");
  std::error_code error;
  return std::filesystem::is_regular_file(
      absl::StrCat(folder != nullptr ? folder : "/usr/share/zoneinfo", "/", name), error);
}

}  // namespace

bool IsTimeZone(const std::string& name) {
  // No dots, colons or leading slash: absl would open any file that such a name points to. No
  // lower-case start: "localtime" and "posix/…" are the machine's own, not IANA's.
  static const re2::RE2 name_pattern("[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*");
  if (name == "UTC") return true;
  absl::TimeZone zone;
  return re2::RE2::FullMatch(name, name_pattern) && IsInZoneDatabase(name) &&
         absl::LoadTimeZone(name, &zone);
}

}  // namespace mo
