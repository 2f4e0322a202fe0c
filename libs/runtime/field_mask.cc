#include "libs/runtime/field_mask.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/runtime/errors.h"

namespace mo {

absl::StatusOr<std::set<std::string>> FieldsToUpdate(const google::protobuf::Message& resource,
                                                     const google::protobuf::FieldMask& mask,
                                                     const std::vector<std::string>& updatable) {
  std::set<std::string> fields;
  for (const std::string& path : mask.paths()) {
    if (std::find(updatable.begin(), updatable.end(), path) == updatable.end()) {
      return InvalidField("update_mask", "UNKNOWN_FIELD",
                          absl::StrCat("\"", path.substr(0, 100), "\" is none of ",
                                       absl::StrJoin(updatable, ", ")));
    }
    fields.insert(path);
  }
  if (!fields.empty()) return fields;
  std::vector<const google::protobuf::FieldDescriptor*> set;
  resource.GetReflection()->ListFields(resource, &set);
  for (const auto* field : set) {
    if (std::find(updatable.begin(), updatable.end(), field->name()) != updatable.end())
      fields.insert(field->name());
  }
  return fields;
}

void CopyFields(const google::protobuf::Message& from, const std::set<std::string>& fields,
                google::protobuf::Message& to) {
  // Through a copy that keeps only these fields, so that every type is merged by protobuf itself.
  std::unique_ptr<google::protobuf::Message> part(from.New());
  part->CopyFrom(from);
  const auto* type = from.GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const auto* field = type->field(i);
    const bool named = fields.count(field->name()) != 0;
    (named ? to : *part).GetReflection()->ClearField(named ? &to : part.get(), field);
  }
  to.MergeFrom(*part);
}

absl::Status CheckEtag(const std::string& given, const std::string& current) {
  if (given.empty() || given == current) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "ETAG_MISMATCH",
               "it was changed meanwhile: read it again");
}

}  // namespace mo
