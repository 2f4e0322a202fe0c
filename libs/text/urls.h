// URLs in what people write.
#pragma once

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace mo::text {

// The text with its http and https URLs replaced. A URL ends before a blank, a quotation mark or an
// angle bracket; punctuation at its end, and a bracket that it does not open, are the sentence's.
// Left as they are: URLs that have a placeholder ("{{") in them, for these lead everybody somewhere
// else; those longer than 2,048 bytes, and those without a host or with credentials.
std::string ReplaceUrls(absl::string_view text,
                        absl::FunctionRef<std::string(absl::string_view url)> replace);

}  // namespace mo::text
