// Placeholders in outbound texts.
#pragma once

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"

namespace mo::text {

// A text with placeholders {{name}} or {{name|fallback}}, parsed once and rendered per recipient.
// Names consist of a-z, "_" and ".", those below "attributes." of digits too; blanks around them
// are ignored. Single braces, and "}}" outside of a placeholder, are ordinary text.
class Template {
 public:
  // InvalidArgument, naming the placeholder and the character (from 1) at which it begins: one that
  // is neither in allowed_names nor "attributes.<x>", one that is not closed, one within another.
  static absl::StatusOr<Template> Parse(absl::string_view text,
                                        absl::Span<const absl::string_view> allowed_names);

  // The value of a name, if there is one.
  using Lookup = absl::FunctionRef<absl::optional<std::string>(absl::string_view name)>;

  // The text with every placeholder replaced by its value, or where that is missing or empty by its
  // fallback (none given: by nothing). Values are not looked into: braces in them stay as they are.
  std::string Render(Lookup lookup) const;

  // The names used, each once, in the order of their appearance.
  const std::vector<std::string>& names() const { return names_; }

 private:
  // A literal text followed by a placeholder; the last part has no name.
  struct Part {
    std::string literal;
    std::string name;
    std::string fallback;
  };

  std::vector<Part> parts_;
  std::vector<std::string> names_;
};

}  // namespace mo::text
