// Numbered, append-only changes of a schema.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace mo::storage {

// One step; old and new code both run against each.
struct Migration {
  std::string version;  // "0001_links"
  absl::string_view sql;
};

}  // namespace mo::storage
