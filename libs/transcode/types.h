// The protobuf types of the contracts as the JSON converter wants them, built once.
#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/type.pb.h"
#include "google/protobuf/util/type_resolver.h"

namespace mo::transcode {

// The name under which the converter looks a message up.
std::string TypeUrl(const google::protobuf::Descriptor* message);

// A TypeResolver over a fixed set of files. Everything is converted in the constructor, so that a
// call only copies; options that JSON does not need are left out, which makes the copies small.
// Safe for concurrent use.
class CachedTypes : public google::protobuf::util::TypeResolver {
 public:
  CachedTypes(const google::protobuf::DescriptorPool& pool,
              const std::vector<const google::protobuf::FileDescriptor*>& files);

  google::protobuf::util::Status ResolveMessageType(const std::string& type_url,
                                                    google::protobuf::Type* type) override;
  google::protobuf::util::Status ResolveEnumType(const std::string& type_url,
                                                 google::protobuf::Enum* type) override;

  // Serialized `message` as JSON: names as in the proto, defaults printed, absent messages left
  // out.
  absl::Status ToJson(const google::protobuf::Descriptor* message, const std::string& bytes,
                      std::string* json);

 private:
  void AddMessage(google::protobuf::util::TypeResolver& source,
                  const google::protobuf::Descriptor* message);
  void AddEnum(google::protobuf::util::TypeResolver& source,
               const google::protobuf::EnumDescriptor* type);

  absl::flat_hash_map<std::string, google::protobuf::Type> messages_;
  absl::flat_hash_map<std::string, google::protobuf::Enum> enums_;
};

}  // namespace mo::transcode
