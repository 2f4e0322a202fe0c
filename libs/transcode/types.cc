#include "libs/transcode/types.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/type_resolver_util.h"

namespace mo::transcode {
namespace {

namespace pb = google::protobuf;

constexpr char kUrlPrefix[] = "type.googleapis.com";

// Keeps only the option that the converter reads.
void StripOptions(pb::Type* type) {
  pb::RepeatedPtrField<pb::Option> kept;
  for (pb::Option& option : *type->mutable_options()) {
    if (option.name() == "map_entry" ||
        option.name() == "google.protobuf.MessageOptions.map_entry") {
      kept.Add(std::move(option));
    }
  }
  type->mutable_options()->Swap(&kept);
  for (pb::Field& field : *type->mutable_fields()) field.clear_options();
  type->clear_source_context();
}

void StripOptions(pb::Enum* type) {
  type->clear_options();
  type->clear_source_context();
  for (pb::EnumValue& value : *type->mutable_enumvalue()) value.clear_options();
}

}  // namespace

std::string TypeUrl(const pb::Descriptor* message) {
  return absl::StrCat(kUrlPrefix, "/", message->full_name());
}

CachedTypes::CachedTypes(const pb::DescriptorPool& pool,
                         const std::vector<const pb::FileDescriptor*>& files) {
  std::unique_ptr<pb::util::TypeResolver> source(
      pb::util::NewTypeResolverForDescriptorPool(kUrlPrefix, &pool));
  for (const pb::FileDescriptor* file : files) {
    for (int i = 0; i < file->message_type_count(); ++i) {
      AddMessage(*source, file->message_type(i));
    }
    for (int i = 0; i < file->enum_type_count(); ++i) AddEnum(*source, file->enum_type(i));
  }
}

void CachedTypes::AddMessage(pb::util::TypeResolver& source, const pb::Descriptor* message) {
  pb::Type type;
  if (source.ResolveMessageType(TypeUrl(message), &type).ok()) {
    StripOptions(&type);
    messages_.emplace(TypeUrl(message), std::move(type));
  }
  for (int i = 0; i < message->nested_type_count(); ++i) {
    AddMessage(source, message->nested_type(i));
  }
  for (int i = 0; i < message->enum_type_count(); ++i) AddEnum(source, message->enum_type(i));
}

void CachedTypes::AddEnum(pb::util::TypeResolver& source, const pb::EnumDescriptor* type) {
  const std::string url = absl::StrCat(kUrlPrefix, "/", type->full_name());
  pb::Enum converted;
  if (source.ResolveEnumType(url, &converted).ok()) {
    StripOptions(&converted);
    enums_.emplace(url, std::move(converted));
  }
}

pb::util::Status CachedTypes::ResolveMessageType(const std::string& type_url, pb::Type* type) {
  auto found = messages_.find(type_url);
  if (found == messages_.end()) {
    return pb::util::Status(pb::util::status_internal::StatusCode::kNotFound, type_url);
  }
  *type = found->second;
  return {};
}

pb::util::Status CachedTypes::ResolveEnumType(const std::string& type_url, pb::Enum* type) {
  auto found = enums_.find(type_url);
  if (found == enums_.end()) {
    return pb::util::Status(pb::util::status_internal::StatusCode::kNotFound, type_url);
  }
  *type = found->second;
  return {};
}

absl::Status CachedTypes::ToJson(const pb::Descriptor* message, const std::string& bytes,
                                 std::string* json) {
  pb::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  const auto status = pb::util::BinaryToJsonString(this, TypeUrl(message), bytes, json, options);
  if (!status.ok()) {
    return absl::InternalError(
        absl::StrCat(message->full_name(), " to JSON: ", std::string(status.message())));
  }
  return absl::OkStatus();
}

}  // namespace mo::transcode
