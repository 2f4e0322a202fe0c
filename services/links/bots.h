// Who looks at links without being somebody.
#pragma once

#include "absl/strings/string_view.h"

namespace mo::links {

// Whether a User-Agent is that of a program that fetches previews or pages for others
// (PROTOCOLS.md 1.9). One that says nothing is taken for a person.
bool IsBot(absl::string_view user_agent);

}  // namespace mo::links
