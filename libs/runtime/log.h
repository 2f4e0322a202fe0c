// Structured logs: one line on stderr, a constant text plus key=value. Never message text, phone
// numbers or secrets.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace mo {

// A value of a log line.
struct LogField {
  LogField(absl::string_view k, const absl::AlphaNum& v) : key(k), value(v.Piece()) {}
  absl::string_view key;
  std::string value;
};

// How bad it is.
enum class LogLevel { kDebug, kInfo, kWarning, kError };

// Writes one line, e.g. Log(LogLevel::kWarning, "relay lost Redis", {{"service", name}}).
void Log(LogLevel level, absl::string_view text, std::initializer_list<LogField> fields = {});

// Lines below the level are dropped; default kInfo.
void SetLogLevel(LogLevel level);

}  // namespace mo
