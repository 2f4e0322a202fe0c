// The two pieces of protobuf's wire format that we write ourselves.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"

namespace mo::transcode {

// Appends `bytes` as the value of a string, bytes or message field.
void AppendField(const google::protobuf::FieldDescriptor& field, absl::string_view bytes,
                 std::string* out);

// Whether JSON, and so a string field, can hold it.
bool IsUtf8(const std::string& text);

}  // namespace mo::transcode
