#include "libs/text/urls.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace mo::text {
namespace {

constexpr size_t kMaxUrl = 2048;

// Where the next URL begins, or npos. Not in the middle of a word.
size_t FindScheme(absl::string_view text, size_t from) {
  for (size_t at = from; at < text.size(); ++at) {
    if (absl::ascii_tolower(static_cast<unsigned char>(text[at])) != 'h') continue;
    if (at > 0 && absl::ascii_isalnum(static_cast<unsigned char>(text[at - 1]))) continue;
    const absl::string_view rest = text.substr(at);
    if (absl::StartsWithIgnoreCase(rest, "http://") || absl::StartsWithIgnoreCase(rest, "https://"))
      return at;
  }
  return absl::string_view::npos;
}

bool EndsUrl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte <= ' ' || byte == 0x7f || c == '<' || c == '>' || c == '"' || c == '`';
}

// Without the punctuation of the sentence around it.
absl::string_view Trimmed(absl::string_view url) {
  while (!url.empty()) {
    const char last = url.back();
    const auto count = [&](char c) { return std::count(url.begin(), url.end(), c); };
    const bool closes =
        (last == ')' && count('(') < count(')')) || (last == ']' && count('[') < count(']'));
    if (!closes && !absl::StrContains(".,;:!?'*_~", last)) break;
    url.remove_suffix(1);
  }
  return url;
}

bool HasHost(absl::string_view url) {
  const absl::string_view rest = url.substr(url.find("://") + 3);
  const absl::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  return !authority.empty() && absl::ascii_isalnum(static_cast<unsigned char>(authority[0])) &&
         !absl::StrContains(authority, '@');
}

}  // namespace

std::string ReplaceUrls(absl::string_view text,
                        absl::FunctionRef<std::string(absl::string_view url)> replace) {
  std::string replaced;
  size_t done = 0;
  for (size_t at; (at = FindScheme(text, done)) != absl::string_view::npos;) {
    const auto end = static_cast<size_t>(
        std::find_if(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(), EndsUrl) -
        text.begin());
    const absl::string_view whole = text.substr(at, end - at);
    const absl::string_view url = Trimmed(whole);
    absl::StrAppend(&replaced, text.substr(done, at - done));
    const bool ours = !absl::StrContains(whole, "{{") && url.size() <= kMaxUrl && HasHost(url);
    if (ours) {
      absl::StrAppend(&replaced, replace(url), whole.substr(url.size()));
    } else {
      absl::StrAppend(&replaced, whole);
    }
    done = end;
  }
  absl::StrAppend(&replaced, text.substr(done));
  return replaced;
}

}  // namespace mo::text
