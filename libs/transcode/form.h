// Uploads as browsers and curl send them: multipart/form-data in place of JSON with base64.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "libs/transcode/registry.h"

namespace mo::transcode {

// The field that a form's part "file" sets: the only `bytes` field of the request, if the whole
// request is the body. Null: the route takes no forms.
const google::protobuf::FieldDescriptor* FileField(const Route& route);

// The serialized request of a form: a part for each field by its name (strings and bytes only),
// "file" for the file; the part's own filename goes into the field `filename`, if there is one and
// no part for it. INVALID_ARGUMENT with every problem. Only for routes with a FileField and without
// variables.
absl::StatusOr<std::string> EncodeForm(const Route& route, absl::string_view content_type,
                                       absl::string_view body);

}  // namespace mo::transcode
