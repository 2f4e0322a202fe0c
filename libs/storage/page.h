// Opaque page tokens of lists.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mo::storage {

// A list's page size: 50 when none is asked for.
inline int32_t PageSize(int32_t asked) { return asked > 0 ? asked : 50; }

// A token that continues after a row; `key` is the row's sort key.
std::string PageToken(absl::string_view key);
std::string PageToken(int64_t key);
// The key in a token, "" for the first page; INVALID_ARGUMENT about page_token when it is none of
// ours.
absl::StatusOr<std::string> PageKey(absl::string_view token);
// The same for numbers; `first` for the first page.
absl::StatusOr<int64_t> PageKey(absl::string_view token, int64_t first);

}  // namespace mo::storage
