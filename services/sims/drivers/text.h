// Text as networks measure it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "messageorganizer/common/v1/content.pb.h"

namespace mo::sims {

// Characters (code points) of UTF-8, not bytes.
size_t Characters(absl::string_view utf8);
// The text's beginning, at most so many characters.
absl::string_view FirstCharacters(absl::string_view utf8, size_t characters);

// Whether it is nothing but ASCII digits, and not empty.
bool AllDigits(absl::string_view text);

// Cuts a text into parts of at most `characters`, at a blank or line break where there is one in
// the second half of a part. Blanks at a cut are dropped.
std::vector<absl::string_view> SplitText(absl::string_view utf8, size_t characters);

// A place in words, for networks without places: name, address, and a link to a map.
std::string LocationText(const messageorganizer::common::v1::Location& location);

}  // namespace mo::sims
