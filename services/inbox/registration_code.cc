#include "services/inbox/registration_code.h"

#include "libs/runtime/ids.h"

namespace mo::inbox {
namespace {

constexpr char kPrefix[] = "reg";
constexpr char kStart[] = "reg_";
const size_t kLength = FormatId(kPrefix, 1).size();

}  // namespace

std::string RegistrationIn(absl::string_view words) {
  for (size_t at = words.find(kStart); at != absl::string_view::npos;
       at = words.find(kStart, at + 1)) {
    const absl::string_view id = words.substr(at, kLength);
    if (ParseId(kPrefix, id)) return std::string(id);
  }
  return "";
}

}  // namespace mo::inbox
