#include "services/channels/personal.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/text/content.h"
#include "libs/tracking/tracker.h"

namespace mo::channels {
namespace {

// As in dispatch.proto and contacts.proto.
constexpr size_t kMaxPlaceholders = 50;
constexpr size_t kMaxFallback = 1024;
constexpr size_t kMaxName = 64;

// No placeholder of anybody's has a colon in its name.
constexpr char kLinkPrefix[] = "link:";

// Calls on_text for what is between placeholders and on_placeholder for what is between braces. The
// text is a valid template, so every "{{" opens one.
template <class OnText, class OnPlaceholder>
void Split(absl::string_view text, OnText on_text, OnPlaceholder on_placeholder) {
  for (size_t open; (open = text.find("{{")) != absl::string_view::npos;) {
    const size_t close = text.find("}}", open + 2);
    if (close == absl::string_view::npos) break;
    on_text(text.substr(0, open));
    on_placeholder(text.substr(open + 2, close - open - 2));
    text.remove_prefix(close + 2);
  }
  on_text(text);
}

absl::string_view NameOf(absl::string_view placeholder) {
  return absl::StripAsciiWhitespace(placeholder.substr(0, placeholder.find('|')));
}

absl::string_view FallbackOf(absl::string_view placeholder) {
  const size_t bar = placeholder.find('|');
  return bar == absl::string_view::npos ? "" : placeholder.substr(bar + 1);
}

// "attributes.city" → "city"; an attribute called "name" keeps its prefix, since "name" alone is
// the display name.
std::string ParameterOf(absl::string_view name) {
  const absl::string_view attribute = absl::StripPrefix(name, "attributes.");
  return std::string(attribute == "name" ? name : attribute);
}

}  // namespace

Personal::Personal(const common::Content& content, bool track_links) : content_(content) {
  if (track_links) {
    urls_ = tracking::MarkUrls(content_,
                               [](size_t n) { return absl::StrCat("{{", kLinkPrefix, n, "}}"); });
  }
  text::VisitTexts(content_,
                   [&](const text::PersonalText& text) { *text.text = Number(*text.text); });
}

std::string Personal::Number(absl::string_view text) {
  std::string numbered;
  Split(
      text, [&](absl::string_view literal) { absl::StrAppend(&numbered, literal); },
      [&](absl::string_view placeholder) {
        absl::StrAppend(&numbered, "{{", SlotOf(placeholder), "}}");
      });
  return numbered;
}

Personal::Slot Personal::Read(absl::string_view placeholder) {
  absl::string_view name = NameOf(placeholder);
  int link = 0;
  if (absl::ConsumePrefix(&name, kLinkPrefix) && absl::SimpleAtoi(name, &link))
    return {-1 - link, ""};
  const std::string parameter = ParameterOf(NameOf(placeholder));
  const auto found = std::find(parameters_.begin(), parameters_.end(), parameter);
  const auto index = static_cast<int>(found - parameters_.begin());
  if (found == parameters_.end()) parameters_.push_back(parameter);
  return {index, std::string(FallbackOf(placeholder))};
}

size_t Personal::SlotOf(absl::string_view placeholder) {
  const Slot slot = Read(placeholder);
  const auto same = std::find(slots_.begin(), slots_.end(), slot);
  const auto index = static_cast<size_t>(same - slots_.begin());
  if (same == slots_.end()) slots_.push_back(slot);
  return index;
}

std::vector<std::string> Personal::names() const {
  std::vector<std::string> names;
  for (size_t i = 0; i < slots_.size(); ++i) names.push_back(absl::StrCat(i));
  return names;
}

void CheckTracked(const common::Content& content, absl::string_view field, Problems& problems) {
  if (Personal(content, /*track_links=*/true).names().size() <= kMaxPlaceholders) return;
  problems.Add(field, "TOO_MANY",
               absl::StrCat("at most ", kMaxPlaceholders, " placeholders and URLs together"));
}

void CheckPersonal(const common::Content& content, absl::string_view path, Problems& problems) {
  std::string last;
  common::Content copy = content;
  text::VisitTexts(copy, [&](const text::PersonalText& text) {
    last = absl::StrCat(path, text.path);
    bool too_long = false;
    Split(
        *text.text, [](absl::string_view) {},
        [&](absl::string_view placeholder) {
          too_long |= ParameterOf(NameOf(placeholder)).size() > kMaxName ||
                      FallbackOf(placeholder).size() > kMaxFallback;
        });
    if (too_long) {
      problems.Add(last, "TOO_LONG",
                   absl::StrCat("a placeholder's name has at most ", kMaxName,
                                " bytes, its fallback at most ", kMaxFallback));
    }
  });
  if (Personal(content).names().size() > kMaxPlaceholders) {
    problems.Add(last, "TOO_MANY",
                 absl::StrCat("at most ", kMaxPlaceholders, " different placeholders"));
  }
}

}  // namespace mo::channels
