// Reading a JSON object strictly: wrong types, missing and unknown fields become one clear error.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace mo::simulator {

using nlohmann::json;

// Takes fields out of one object. The first error is kept; check Finish() before using what was
// read.
class Fields {
 public:
  // `object` must outlive it. `path` goes before field names in errors, "receipts." for example.
  explicit Fields(const json& object, std::string path = "");

  // Required, not empty.
  std::string Need(const char* name);
  // Optional; empty or the default if absent.
  std::string String(const char* name);
  bool Bool(const char* name, bool value);
  int64_t Int(const char* name, int64_t value, int64_t min, int64_t max);
  double Number(const char* name, double value, double min, double max);
  // A number in [0, 1], or a boolean as 0 or 1.
  double Rate(const char* name, double value);
  // The value as it is; null if absent.
  const json* Any(const char* name);
  // An object or array; null if absent.
  const json* Object(const char* name);
  const json* Array(const char* name);

  bool Has(const char* name) const { return object_->is_object() && object_->contains(name); }
  std::string Path(absl::string_view name) const { return path_ + std::string(name); }
  void Fail(absl::string_view name, absl::string_view problem);
  void Check(const absl::Status& status);
  // InvalidArgument with the first error; a field that nobody asked for is one.
  absl::Status Finish();

 private:
  const json* object_;
  std::string path_;
  std::set<std::string> known_;
  absl::Status status_;
};

}  // namespace mo::simulator
