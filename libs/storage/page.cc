#include "libs/storage/page.h"

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/runtime/errors.h"
#include "libs/runtime/status.h"

namespace mo::storage {
namespace {

// Tells our tokens from text that happens to be base64.
constexpr absl::string_view kMark = "p1:";

absl::Status BadToken() {
  return InvalidField("page_token", "BAD_FORMAT", "must be the next_page_token of a former answer");
}

}  // namespace

std::string PageToken(absl::string_view key) {
  return absl::WebSafeBase64Escape(absl::StrCat(kMark, key));
}

std::string PageToken(int64_t key) { return PageToken(absl::StrCat(key)); }

absl::StatusOr<std::string> PageKey(absl::string_view token) {
  if (token.empty()) return "";
  std::string text;
  if (!absl::WebSafeBase64Unescape(token, &text) || text.substr(0, kMark.size()) != kMark)
    return BadToken();
  return text.substr(kMark.size());
}

absl::StatusOr<int64_t> PageKey(absl::string_view token, int64_t first) {
  if (token.empty()) return first;
  MO_ASSIGN_OR_RETURN(std::string key, PageKey(token));
  int64_t number = 0;
  if (!absl::SimpleAtoi(key, &number)) return BadToken();
  return number;
}

}  // namespace mo::storage
