#include "libs/transcode/openapi_schema.h"

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/transcode/registry.h"
#include "messageorganizer/common/v1/options.pb.h"

namespace mo::transcode {
namespace {

namespace pb = google::protobuf;
using messageorganizer::common::v1::FieldRule;
using pb::FieldDescriptor;

// The limit of strings and lists whose rule names none (common/v1/options.proto).
constexpr uint32_t kDefaultLimit = 1000;

void AddStringRules(const FieldRule& rule, bool bytes, OrderedJson* schema) {
  OrderedJson& out = *schema;
  const uint32_t limit = rule.max_length() != 0 ? rule.max_length() : kDefaultLimit;
  // JSON Schema counts characters: never more than our bytes. Base64 takes 4 characters for 3
  // bytes.
  out["maxLength"] = bytes ? (limit + 2) / 3 * 4 : limit;
  if (!rule.pattern().empty()) out["pattern"] = absl::StrCat("^(", rule.pattern(), ")$");
  if (!rule.id().empty()) out["pattern"] = absl::StrCat("^", rule.id(), "_[0-9a-hjkmnp-tv-z]{13}$");
  if (rule.phone()) out["pattern"] = "^\\+[1-9][0-9]{6,14}$";
  if (rule.url()) out["format"] = "uri";
  if (rule.language()) out["pattern"] = "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$";
}

// A message that JSON writes as a plain value; null for others.
OrderedJson WellKnown(const pb::Descriptor* message) {
  static const auto& known = *new absl::flat_hash_map<std::string, OrderedJson>{
      {"google.protobuf.Timestamp", {{"type", "string"}, {"format", "date-time"}}},
      {"google.protobuf.Duration", {{"type", "string"}, {"pattern", "^-?[0-9]+(\\.[0-9]+)?s$"}}},
      {"google.protobuf.FieldMask",
       {{"type", "string"}, {"description", "Names of fields, separated by commas."}}},
  };
  auto found = known.find(message->full_name());
  return found == known.end() ? OrderedJson() : found->second;
}

OrderedJson Number(const FieldDescriptor* field, const FieldRule& rule) {
  OrderedJson schema;
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT64:
      // Written as a string, since JSON's numbers are doubles to many readers.
      return {{"type", "string"}, {"format", "int64"}, {"pattern", "^-?[0-9]+$"}};
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
      schema = {{"type", "number"}, {"format", "double"}};
      break;
    default:
      schema = {{"type", "integer"}, {"format", "int32"}};
  }
  if (rule.min() != 0 || rule.max() != 0) {
    schema["minimum"] = rule.min();
    schema["maximum"] = rule.max();
  }
  return schema;
}

void Describe(const std::string& comment, OrderedJson* schema) {
  if (!comment.empty()) (*schema)["description"] = comment;
}

const FieldRule& RuleOf(const FieldDescriptor* field) {
  return field->options().GetExtension(messageorganizer::common::v1::rule);
}

}  // namespace

std::string Schemas::NameOf(const std::string& full_name, const std::string& name) {
  // Two packages may use one name: the later one takes its package along.
  std::string unique = name;
  if (!names_.emplace(unique, full_name).second && names_[unique] != full_name) {
    const std::vector<std::string> parts = absl::StrSplit(full_name, '.');
    unique = absl::StrCat(parts.size() > 1 ? parts[1] : "", "_", name);
    names_[unique] = full_name;
  }
  return unique;
}

OrderedJson Schemas::Ref(const pb::Descriptor* message) {
  const std::string name = NameOf(message->full_name(), message->name());
  if (schemas_.emplace(name, nullptr).second) {
    OrderedJson schema = Object(message);  // may refer to others, and to itself
    schemas_[name] = std::move(schema);
  }
  return {{"$ref", absl::StrCat("#/components/schemas/", name)}};
}

OrderedJson Schemas::Ref(const pb::EnumDescriptor* type) {
  const std::string name = NameOf(type->full_name(), type->name());
  if (schemas_.emplace(name, nullptr).second) {
    OrderedJson schema = {{"type", "string"}, {"enum", OrderedJson::array()}};
    std::string text = CommentOf(type);
    for (int i = 0; i < type->value_count(); ++i) {
      schema["enum"].push_back(type->value(i)->name());
      const std::string comment = CommentOf(type->value(i));
      if (!comment.empty()) absl::StrAppend(&text, "\n\n`", type->value(i)->name(), "`: ", comment);
    }
    Describe(text, &schema);
    schemas_[name] = std::move(schema);
  }
  return {{"$ref", absl::StrCat("#/components/schemas/", name)}};
}

OrderedJson Schemas::Object(const pb::Descriptor* message,
                            const std::set<const FieldDescriptor*>& without) {
  OrderedJson schema = {{"type", "object"}};
  Describe(CommentOf(message), &schema);
  OrderedJson properties = OrderedJson::object();
  OrderedJson required = OrderedJson::array();
  for (int i = 0; i < message->field_count(); ++i) {
    const FieldDescriptor* field = message->field(i);
    if (without.count(field) != 0) continue;
    properties[field->name()] = Field(field);
    if (RuleOf(field).required()) required.push_back(field->name());
  }
  schema["properties"] = std::move(properties);
  if (!required.empty()) schema["required"] = std::move(required);
  return schema;
}

OrderedJson Schemas::Field(const FieldDescriptor* field) {
  const FieldRule& rule = RuleOf(field);
  const FieldDescriptor* single = field->is_map() ? field->message_type()->map_value() : field;
  OrderedJson schema;
  switch (single->cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      schema = WellKnown(single->message_type());
      if (schema.is_null()) schema = Ref(single->message_type());
      break;
    case FieldDescriptor::CPPTYPE_ENUM:
      schema = Ref(single->enum_type());
      break;
    case FieldDescriptor::CPPTYPE_BOOL:
      schema = {{"type", "boolean"}};
      break;
    case FieldDescriptor::CPPTYPE_STRING: {
      const bool bytes = single->type() == FieldDescriptor::TYPE_BYTES;
      schema = {{"type", "string"}};
      if (bytes) schema["contentEncoding"] = "base64";
      AddStringRules(rule, bytes, &schema);
      if (rule.required() && !field->is_repeated()) schema["minLength"] = 1;
      break;
    }
    default:
      schema = Number(single, rule);
  }
  const uint32_t items = rule.max_items() != 0 ? rule.max_items() : kDefaultLimit;
  if (field->is_map()) {
    schema = {
        {"type", "object"}, {"additionalProperties", std::move(schema)}, {"maxProperties", items}};
  } else if (field->is_repeated()) {
    schema = {{"type", "array"}, {"items", std::move(schema)}, {"maxItems", items}};
    if (rule.required()) schema["minItems"] = 1;
  }
  if (rule.output_only()) schema["readOnly"] = true;
  if (rule.secret()) schema["writeOnly"] = true;
  Describe(CommentOf(field), &schema);
  return schema;
}

OrderedJson Schemas::TakeAll() {
  OrderedJson all = OrderedJson::object();
  for (auto& [name, schema] : schemas_) all[name] = std::move(schema);
  return all;
}

}  // namespace mo::transcode
