// Telegram's parse modes, as far as texts can be wrong in them.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace mo::simulator {

// What a parse mode ("", "HTML", "Markdown", "MarkdownV2") has against a text, in Telegram's words;
// "": nothing.
std::string MarkupProblem(absl::string_view mode, absl::string_view text);

}  // namespace mo::simulator
