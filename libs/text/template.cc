#include "libs/text/template.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace mo::text {
namespace {

constexpr absl::string_view kAttributes = "attributes.";

// Counts UTF-8 characters, so that the position is the one a person sees.
size_t CharacterAt(absl::string_view text, size_t byte) {
  return 1 + static_cast<size_t>(std::count_if(text.begin(),
                                               text.begin() + static_cast<ptrdiff_t>(byte),
                                               [](char c) { return (c & 0xC0) != 0x80; }));
}

bool IsAllowed(absl::string_view name, absl::Span<const absl::string_view> allowed) {
  const auto only = [](absl::string_view part, bool digits) {
    return !part.empty() && std::all_of(part.begin(), part.end(), [&](char c) {
      return absl::ascii_islower(static_cast<unsigned char>(c)) || c == '_' || c == '.' ||
             (digits && absl::ascii_isdigit(static_cast<unsigned char>(c)));
    });
  };
  absl::string_view attribute = name;
  if (absl::ConsumePrefix(&attribute, kAttributes)) return only(attribute, true);
  return only(name, false) && std::find(allowed.begin(), allowed.end(), name) != allowed.end();
}

}  // namespace

absl::StatusOr<Template> Template::Parse(absl::string_view text,
                                         absl::Span<const absl::string_view> allowed_names) {
  Template out;
  size_t at = 0;
  for (size_t open; (open = text.find("{{", at)) != absl::string_view::npos;) {
    const auto problem = [&](absl::string_view what, absl::string_view which) {
      return absl::InvalidArgumentError(
          absl::StrCat(what, " \"", which, "\" at character ", CharacterAt(text, open)));
    };
    const size_t close = text.find("}}", open + 2);
    if (close == absl::string_view::npos) {
      // Enough to recognise it, without cutting a character.
      return problem("placeholder is not closed:",
                     text.substr(open, text.find_first_of(" \n}|", open + 2) - open));
    }
    const absl::string_view inner = text.substr(open + 2, close - open - 2);
    if (absl::StrContains(inner, "{{")) return problem("placeholder within a placeholder:", inner);
    const size_t bar = inner.find('|');
    const absl::string_view name = absl::StripAsciiWhitespace(inner.substr(0, bar));
    if (!IsAllowed(name, allowed_names)) return problem("unknown placeholder", name);
    const absl::string_view fallback = bar == absl::string_view::npos ? "" : inner.substr(bar + 1);
    out.parts_.push_back(
        {std::string(text.substr(at, open - at)), std::string(name), std::string(fallback)});
    if (std::find(out.names_.begin(), out.names_.end(), name) == out.names_.end())
      out.names_.emplace_back(name);
    at = close + 2;
  }
  out.parts_.push_back({std::string(text.substr(at)), "", ""});
  return out;
}

std::string Template::Render(Lookup lookup) const {
  std::string out;
  for (const Part& part : parts_) {
    out += part.literal;
    if (part.name.empty()) continue;
    const absl::optional<std::string> value = lookup(part.name);
    out += value.has_value() && !value->empty() ? *value : part.fallback;
  }
  return out;
}

}  // namespace mo::text
