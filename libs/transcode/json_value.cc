#include "libs/transcode/json_value.h"

#include <cmath>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"

namespace mo::transcode {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

bool IsTimestamp(absl::string_view text) {
  absl::Time time;
  std::string error;
  return text.size() >= 20 && absl::ascii_isdigit(text[0]) && text[10] == 'T' &&
         !absl::ascii_isspace(text.back()) &&
         absl::ParseTime(absl::RFC3339_full, text, &time, &error);
}

bool IsDuration(absl::string_view text) {
  double seconds;
  return absl::ConsumeSuffix(&text, "s") && !text.empty() &&
         text.find_first_not_of("-0123456789.") == absl::string_view::npos &&
         absl::SimpleAtod(text, &seconds) && std::abs(seconds) <= 315576000000;
}

bool IsBase64(absl::string_view text) {
  while (absl::ConsumeSuffix(&text, "=")) {
  }
  for (const char c : text) {
    if (!absl::ascii_isalnum(c) && c != '+' && c != '/' && c != '-' && c != '_') return false;
  }
  return text.size() % 4 != 1;
}

Finding WrongType(const FieldDescriptor& field) { return {"WRONG_TYPE", Expected(field)}; }

Finding CheckEnum(const FieldDescriptor& field, const Value& value) {
  const auto* type = field.enum_type();
  if (value.kind == Value::kString) {
    if (type->FindValueByName(*value.text) != nullptr) return {};
    std::string names;
    for (int i = 1; i < type->value_count(); ++i) {
      absl::StrAppend(&names, i == 1 ? "" : ", ", type->value(i)->name());
    }
    return {"UNKNOWN_VALUE", absl::StrCat("must be one of ", names)};
  }
  if (value.kind != Value::kInteger) return WrongType(field);
  const int64_t number = static_cast<int64_t>(value.bits);
  const bool known = number == static_cast<int>(number) &&
                     type->FindValueByNumber(static_cast<int>(number)) != nullptr;
  return known ? Finding{} : Finding{"UNKNOWN_VALUE", "is not the number of a value"};
}

// Integers may come as numbers or as strings of digits.
Finding CheckInteger(const FieldDescriptor& field, Value value) {
  if (value.kind == Value::kString) {
    int64_t number;
    const std::string& text = *value.text;
    if (text.empty() || absl::ascii_isspace(text[0]) || absl::ascii_isspace(text.back())) {
      return WrongType(field);
    }
    if (absl::SimpleAtoi(text, &number)) {
      value = {Value::kInteger, number < 0, static_cast<uint64_t>(number)};
    } else if (absl::SimpleAtoi(text, &value.bits)) {
      value.kind = Value::kInteger;
    } else if (text.find_first_not_of("0123456789", text[0] == '-') == std::string::npos) {
      return {"OUT_OF_RANGE", "does not fit 64 bits"};
    }
  }
  if (value.kind != Value::kInteger) return WrongType(field);
  const int64_t number = static_cast<int64_t>(value.bits);
  bool fits = true;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      fits = value.negative == (number < 0) && number == static_cast<int32_t>(number);
      break;
    case FieldDescriptor::CPPTYPE_UINT32:
      fits = !value.negative && value.bits <= std::numeric_limits<uint32_t>::max();
      break;
    case FieldDescriptor::CPPTYPE_UINT64:
      fits = !value.negative;
      break;
    default:
      fits = value.negative == (number < 0);
  }
  return fits ? Finding{} : Finding{"OUT_OF_RANGE", "is too small or too large a number"};
}

Finding CheckDouble(const FieldDescriptor& field, const Value& value) {
  if (value.kind == Value::kInteger || value.kind == Value::kFraction) return {};
  double number;
  if (value.kind == Value::kString && absl::SimpleAtod(*value.text, &number) &&
      std::isfinite(number)) {
    return {};
  }
  return WrongType(field);
}

Finding CheckString(const FieldDescriptor& field, const Value& value) {
  if (value.kind != Value::kString) return WrongType(field);
  if (field.type() == FieldDescriptor::TYPE_BYTES) {
    return IsBase64(*value.text) ? Finding{} : Finding{"BAD_FORMAT", "must be base64"};
  }
  // PostgreSQL takes no NUL in a text.
  if (value.text->find('\0') != std::string::npos) return {"BAD_FORMAT", "must not contain NUL"};
  return {};
}

Finding CheckMessage(const FieldDescriptor& field, const Value& value) {
  const std::string& type = field.message_type()->full_name();
  if (value.kind != Value::kString || !IsPlainValue(field.message_type())) return WrongType(field);
  if (type == "google.protobuf.Timestamp" && !IsTimestamp(*value.text)) {
    return {"BAD_FORMAT", "must be a time as in RFC 3339, e.g. 2026-01-31T12:00:00Z"};
  }
  if (type == "google.protobuf.Duration" && !IsDuration(*value.text)) {
    return {"BAD_FORMAT", "must be seconds such as \"3600s\""};
  }
  return value.text->find('\0') == std::string::npos
             ? Finding{}
             : Finding{"BAD_FORMAT", "must not contain NUL"};
}

}  // namespace

std::string Expected(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return field.type() == FieldDescriptor::TYPE_BYTES ? "must be a base64 string"
                                                         : "must be a string";
    case FieldDescriptor::CPPTYPE_BOOL:
      return "must be true or false";
    case FieldDescriptor::CPPTYPE_ENUM:
      return "must be the name of a value";
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return IsPlainValue(field.message_type()) ? "must be a string" : "must be an object";
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
      return "must be a number";
    default:
      return "must be a whole number";
  }
}

bool IsPlainValue(const Descriptor* message) {
  const std::string& name = message->full_name();
  return name == "google.protobuf.Timestamp" || name == "google.protobuf.Duration" ||
         name == "google.protobuf.FieldMask";
}

Finding CheckValue(const FieldDescriptor& field, const Value& value) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return CheckString(field, value);
    case FieldDescriptor::CPPTYPE_BOOL:
      return value.kind == Value::kBool ? Finding{} : WrongType(field);
    case FieldDescriptor::CPPTYPE_ENUM:
      return CheckEnum(field, value);
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
      return CheckDouble(field, value);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return CheckMessage(field, value);
    default:
      return CheckInteger(field, value);
  }
}

}  // namespace mo::transcode
