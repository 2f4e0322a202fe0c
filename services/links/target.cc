#include "services/links/target.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/http/message.h"

namespace mo::links {
namespace {

bool Names(absl::string_view query, absl::string_view parameter) {
  for (const absl::string_view part : absl::StrSplit(query, '&')) {
    if (part.substr(0, part.find('=')) == parameter) return true;
  }
  return false;
}

// Nothing that would end the line, or that a browser would read differently.
std::string Printable(absl::string_view url) {
  std::string printable;
  for (const char c : url) {
    if (c > 0x20 && c < 0x7f) {
      printable.push_back(c);
    } else {
      absl::StrAppend(&printable, http::PercentEncode(absl::string_view(&c, 1)));
    }
  }
  return printable;
}

}  // namespace

std::string LocationOf(absl::string_view target_url, const v1::Utm& utm) {
  const size_t hash = std::min(target_url.find('#'), target_url.size());
  std::string location(target_url.substr(0, hash));
  const size_t mark = location.find('?');
  const std::string query = mark == std::string::npos ? "" : location.substr(mark + 1);
  bool first = mark == std::string::npos;
  const std::pair<absl::string_view, const std::string&> parameters[] = {
      {"utm_source", utm.source()},
      {"utm_medium", utm.medium()},
      {"utm_campaign", utm.campaign()},
      {"utm_term", utm.term()},
      {"utm_content", utm.content()}};
  for (const auto& [name, value] : parameters) {
    if (value.empty() || Names(query, name)) continue;
    const bool joined = !first && (absl::EndsWith(location, "?") || absl::EndsWith(location, "&"));
    absl::StrAppend(&location, first ? "?" : (joined ? "" : "&"), name, "=",
                    http::PercentEncode(value));
    first = false;
  }
  absl::StrAppend(&location, target_url.substr(hash));
  return Printable(location);
}

std::string RedirectHeaders(absl::string_view location) {
  // Not kept by anybody, so that every click is seen and a changed target holds.
  return absl::StrCat("Location: ", location, "\r\nCache-Control: no-store\r\n");
}

}  // namespace mo::links
