// JSON schemas of the contracts' messages, as the JSON conversion writes them.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"

namespace mo::transcode {

using OrderedJson = nlohmann::ordered_json;

// Collects the schemas that a document refers to.
class Schemas {
 public:
  // A reference to a message's or enum's schema, which becomes part of the document.
  OrderedJson Ref(const google::protobuf::Descriptor* message);
  OrderedJson Ref(const google::protobuf::EnumDescriptor* type);

  // An object of a message's fields but `without`.
  OrderedJson Object(const google::protobuf::Descriptor* message,
                     const std::set<const google::protobuf::FieldDescriptor*>& without = {});

  // A field's schema with its limits and comment.
  OrderedJson Field(const google::protobuf::FieldDescriptor* field);

  // All that were referred to, by name, theirs included.
  OrderedJson TakeAll();

 private:
  std::string NameOf(const std::string& full_name, const std::string& name);

  std::map<std::string, std::string> names_;  // document's name → full name
  std::map<std::string, OrderedJson> schemas_;
};

}  // namespace mo::transcode
