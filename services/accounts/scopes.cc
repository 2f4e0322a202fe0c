#include "services/accounts/scopes.h"

#include <google/protobuf/descriptor.pb.h>

#include <cstdlib>

#include "absl/strings/string_view.h"
#include "libs/runtime/scopes.h"
#include "messageorganizer/common/v1/options.pb.h"

namespace mo::embedded {
absl::string_view descriptors();
}

namespace mo::accounts {
namespace {

// Read from the embedded contracts: the process need not have the other services linked.
std::set<std::string> ScopesOfContracts() {
  google::protobuf::FileDescriptorSet contracts;
  const absl::string_view bytes = embedded::descriptors();
  if (!contracts.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) std::abort();
  std::set<std::string> scopes;
  for (const auto& file : contracts.file()) {
    for (const auto& service : file.service()) {
      for (const auto& method : service.method()) {
        scopes.insert(method.options().GetExtension(messageorganizer::common::v1::scope));
      }
    }
  }
  for (const char* reserved : {"operator", "internal", "public", ""}) scopes.erase(reserved);
  return scopes;
}

}  // namespace

const std::set<std::string>& KnownScopes() {
  static const auto& known = *new std::set<std::string>([] {
    std::set<std::string> scopes = ScopesOfContracts();
    scopes.insert({"*", kEventsScope});
    return scopes;
  }());
  return known;
}

}  // namespace mo::accounts
