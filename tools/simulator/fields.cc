#include "tools/simulator/fields.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace mo::simulator {

Fields::Fields(const json& object, std::string path) : object_(&object), path_(std::move(path)) {
  if (!object.is_object()) Fail("", "must be a JSON object");
}

void Fields::Fail(absl::string_view name, absl::string_view problem) {
  if (!status_.ok()) return;
  const std::string field = Path(name);
  status_ = absl::InvalidArgumentError(absl::StrCat(field.empty() ? "body" : field, " ", problem));
}

void Fields::Check(const absl::Status& status) {
  if (status_.ok()) status_ = status;
}

const json* Fields::Any(const char* name) {
  known_.insert(name);
  if (!Has(name) || (*object_)[name].is_null()) return nullptr;
  return &(*object_)[name];
}

std::string Fields::String(const char* name) {
  const json* value = Any(name);
  if (value == nullptr) return "";
  if (!value->is_string()) {
    Fail(name, "must be a string");
    return "";
  }
  return value->get<std::string>();
}

std::string Fields::Need(const char* name) {
  std::string value = String(name);
  if (value.empty()) Fail(name, "is required");
  return value;
}

bool Fields::Bool(const char* name, bool value) {
  const json* found = Any(name);
  if (found == nullptr) return value;
  if (!found->is_boolean()) {
    Fail(name, "must be true or false");
    return value;
  }
  return found->get<bool>();
}

int64_t Fields::Int(const char* name, int64_t value, int64_t min, int64_t max) {
  const json* found = Any(name);
  if (found == nullptr) return value;
  if (found->is_number_integer()) {
    const int64_t number = found->get<int64_t>();
    if (number >= min && number <= max) return number;
  }
  Fail(name, absl::StrCat("must be an integer from ", min, " to ", max));
  return value;
}

double Fields::Number(const char* name, double value, double min, double max) {
  const json* found = Any(name);
  if (found == nullptr) return value;
  if (found->is_number()) {
    const double number = found->get<double>();
    if (number >= min && number <= max) return number;
  }
  Fail(name, absl::StrCat("must be a number from ", min, " to ", max));
  return value;
}

double Fields::Rate(const char* name, double value) {
  const json* found = Any(name);
  if (found != nullptr && found->is_boolean()) return found->get<bool>() ? 1 : 0;
  return Number(name, value, 0, 1);
}

const json* Fields::Object(const char* name) {
  const json* found = Any(name);
  if (found != nullptr && !found->is_object()) Fail(name, "must be an object");
  return found != nullptr && found->is_object() ? found : nullptr;
}

const json* Fields::Array(const char* name) {
  const json* found = Any(name);
  if (found != nullptr && !found->is_array()) Fail(name, "must be an array");
  return found != nullptr && found->is_array() ? found : nullptr;
}

absl::Status Fields::Finish() {
  if (object_->is_object()) {
    for (const auto& item : object_->items()) {
      if (known_.count(item.key()) == 0) Fail(item.key(), "is not a field of this request");
    }
  }
  return status_;
}

}  // namespace mo::simulator
