// Checks one JSON value against the field that it is meant for.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"

namespace mo::transcode {

// A value that is no object and no list.
struct Value {
  enum Kind { kNull, kBool, kInteger, kFraction, kString } kind;
  bool negative = false;
  uint64_t bits = 0;  // of kInteger: two's complement
  const std::string* text = nullptr;
};

// What is wrong with a value; no reason: nothing.
struct Finding {
  absl::string_view reason;
  std::string detail;
};

// What a field takes, for the text of a problem.
std::string Expected(const google::protobuf::FieldDescriptor& field);

// Whether the converter writes this message as a plain JSON value (Timestamp, Duration, FieldMask).
bool IsPlainValue(const google::protobuf::Descriptor* message);

// What is wrong with `value` as (one item of) `field`: its kind, its range, its form.
Finding CheckValue(const google::protobuf::FieldDescriptor& field, const Value& value);

}  // namespace mo::transcode
