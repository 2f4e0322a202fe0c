#include "libs/runtime/log.h"

#include <unistd.h>

#include <atomic>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace mo {
namespace {

std::atomic<LogLevel> minimum{LogLevel::kInfo};

absl::string_view NameOf(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      break;
  }
  return "error";
}

}  // namespace

void SetLogLevel(LogLevel level) { minimum = level; }

void Log(LogLevel level, absl::string_view text, std::initializer_list<LogField> fields) {
  if (level < minimum.load(std::memory_order_relaxed)) return;
  std::string line = absl::StrCat(
      "time=", absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone()),
      " level=", NameOf(level), " msg=\"", text, "\"");
  for (const LogField& field : fields) {
    if (field.value.find_first_of(" \"=\n\r") == std::string::npos) {
      absl::StrAppend(&line, " ", field.key, "=", field.value);
    } else {
      absl::StrAppend(&line, " ", field.key, "=\"", absl::CEscape(field.value), "\"");
    }
  }
  line.push_back('\n');
  // One write per line keeps lines of several threads apart; a lost log line must not stop
  // anything.
  [[maybe_unused]] auto written = write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace mo
