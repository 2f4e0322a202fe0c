#include "services/sims/drivers/text.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"

namespace mo::sims {
namespace {

bool Begins(char c) { return (c & 0xC0) != 0x80; }

// Where the character with this number begins; the text's size if there are fewer.
size_t OffsetOf(absl::string_view utf8, size_t character) {
  size_t seen = 0;
  for (size_t i = 0; i < utf8.size(); ++i) {
    if (Begins(utf8[i]) && seen++ == character) return i;
  }
  return utf8.size();
}

}  // namespace

bool AllDigits(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

size_t Characters(absl::string_view utf8) {
  return static_cast<size_t>(std::count_if(utf8.begin(), utf8.end(), Begins));
}

absl::string_view FirstCharacters(absl::string_view utf8, size_t characters) {
  return utf8.substr(0, OffsetOf(utf8, characters));
}

std::vector<absl::string_view> SplitText(absl::string_view utf8, size_t characters) {
  std::vector<absl::string_view> parts;
  while (true) {
    const size_t most = OffsetOf(utf8, characters);
    if (most == utf8.size()) break;
    // A blank right behind the part will do as well.
    size_t cut = utf8.find_last_of(" \n", most);
    if (cut == absl::string_view::npos || cut < most / 2) cut = most;
    parts.push_back(absl::StripTrailingAsciiWhitespace(utf8.substr(0, cut)));
    utf8 = absl::StripLeadingAsciiWhitespace(utf8.substr(cut));
  }
  if (!utf8.empty()) parts.push_back(utf8);
  return parts;
}

std::string LocationText(const messageorganizer::common::v1::Location& location) {
  std::string text;
  for (const std::string& line : {location.name(), location.address()}) {
    if (!line.empty()) absl::StrAppendFormat(&text, "%s\n", line);
  }
  absl::StrAppendFormat(&text, "https://maps.google.com/?q=%.10g,%.10g", location.latitude(),
                        location.longitude());
  return text;
}

}  // namespace mo::sims
