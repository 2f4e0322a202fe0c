#include "tools/simulator/doubles/telegram_markup.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace mo::simulator {

namespace {

// Where a mark that opens an entity has none that closes it; npos: nowhere.
size_t OpenMark(absl::string_view text, absl::string_view marks) {
  size_t open = text.npos;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (open == text.npos && absl::StrContains(marks, text[i])) {
      open = i;
    } else if (open != text.npos && text[i] == text[open]) {
      open = text.npos;
    }
  }
  return open;
}

// The first "<" that no tag follows or closes; npos: none.
size_t OpenTag(absl::string_view text) {
  std::vector<std::pair<size_t, std::string>> open;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '<') continue;
    const size_t end = text.find('>', i);
    if (end == text.npos) return i;
    absl::string_view tag = text.substr(i + 1, end - i - 1);
    const bool closes = absl::ConsumePrefix(&tag, "/");
    const std::string name(tag.substr(0, tag.find(' ')));
    if (name.empty()) return i;
    if (!closes) {
      open.emplace_back(i, name);
    } else if (open.empty() || open.back().second != name) {
      return i;
    } else {
      open.pop_back();
    }
    i = end;
  }
  return open.empty() ? text.npos : open.back().first;
}

}  // namespace

std::string MarkupProblem(absl::string_view mode, absl::string_view text) {
  if (mode.empty()) return "";
  size_t at = text.npos;
  if (absl::EqualsIgnoreCase(mode, "html")) {
    at = OpenTag(text);
  } else if (absl::EqualsIgnoreCase(mode, "markdown")) {
    at = OpenMark(text, "*_`");
  } else if (absl::EqualsIgnoreCase(mode, "markdownv2")) {
    at = OpenMark(text, "*_`~|");
    for (size_t i = 0; i < text.size() && at == text.npos; ++i) {
      if (text[i] == '\\') {
        ++i;
      } else if (absl::StrContains(".!-+=#{}", text[i])) {
        return absl::StrCat("Bad Request: can't parse entities: Character '",
                            std::string(1, text[i]),
                            "' is reserved and must be escaped with the preceding '\\'");
      }
    }
  } else {
    return "Bad Request: unsupported parse_mode";
  }
  if (at == text.npos) return "";
  return absl::StrCat(
      "Bad Request: can't parse entities: Can't find end of the entity starting at byte offset ",
      at);
}

}  // namespace mo::simulator
