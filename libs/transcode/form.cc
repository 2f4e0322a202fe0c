#include "libs/transcode/form.h"

#include <set>
#include <vector>

#include "libs/http/message.h"
#include "libs/runtime/errors.h"
#include "libs/runtime/status.h"
#include "libs/transcode/wire.h"

namespace mo::transcode {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

constexpr char kFile[] = "file";
constexpr char kFilename[] = "filename";

// Whether a part may set it.
bool IsText(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_STRING && !field.is_repeated();
}

void AddText(const FieldDescriptor& field, const std::string& text, std::string* bytes,
             Problems* problems) {
  if (!IsUtf8(text)) {
    problems->Add(field.name(), "BAD_FORMAT", "is not UTF-8");
  } else if (text.find('\0') != std::string::npos) {
    problems->Add(field.name(), "BAD_FORMAT", "must not contain NUL");
  } else {
    AppendField(field, text, bytes);
  }
}

}  // namespace

const FieldDescriptor* FileField(const Route& route) {
  if (!route.whole_body || !route.variables.empty()) return nullptr;
  const Descriptor* request = route.method->descriptor->input_type();
  const FieldDescriptor* file = nullptr;
  for (int i = 0; i < request->field_count(); ++i) {
    const FieldDescriptor* field = request->field(i);
    if (field->type() != FieldDescriptor::TYPE_BYTES || field->is_repeated()) continue;
    if (file != nullptr) return nullptr;
    file = field;
  }
  return file;
}

absl::StatusOr<std::string> EncodeForm(const Route& route, absl::string_view content_type,
                                       absl::string_view body) {
  const Descriptor* request = route.method->descriptor->input_type();
  const FieldDescriptor* file = FileField(route);
  absl::StatusOr<std::vector<http::Part>> parts = http::ParseMultipart(body, content_type);
  if (!parts.ok()) return InvalidField("", "MALFORMED_FORM", parts.status().message());
  Problems problems;
  std::string bytes;
  std::string filename;
  std::set<const FieldDescriptor*> seen;
  for (const http::Part& part : *parts) {
    const FieldDescriptor* field = part.name == kFile ? file : request->FindFieldByName(part.name);
    if (field == nullptr || !IsText(*field)) {
      problems.Add(IsUtf8(part.name) ? part.name.substr(0, 64) : "", "UNKNOWN_FIELD",
                   "there is no such field");
    } else if (!seen.insert(field).second) {
      problems.Add(field->name(), "DUPLICATE", "given twice");
    } else if (field == file) {
      AppendField(*field, part.body, &bytes);
      filename = part.filename;
    } else {
      AddText(*field, std::string(part.body), &bytes, &problems);
    }
  }
  const FieldDescriptor* name = request->FindFieldByName(kFilename);
  if (!filename.empty() && name != nullptr && IsText(*name) && seen.count(name) == 0) {
    AddText(*name, filename, &bytes, &problems);
  }
  MO_RETURN_IF_ERROR(problems.ToStatus());
  return bytes;
}

}  // namespace mo::transcode
