#include "libs/text/content.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace mo::text {
namespace {

constexpr char kButtonUrl[] = ".link_button.url";
constexpr size_t kUrlBytes = 2000;

using messageorganizer::common::v1::Content;
using messageorganizer::common::v1::Location;
using messageorganizer::common::v1::Media;
using messageorganizer::common::v1::MessageTemplate;
using messageorganizer::common::v1::TemplateButton;

constexpr size_t kTextBytes = 4096;  // as in content.proto
constexpr size_t kCaptionBytes = 1024;

size_t Characters(absl::string_view utf8) {
  return static_cast<size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char byte) { return (byte & 0xC0) != 0x80; }));
}

void CheckMedia(const Media& media, const std::string& path, Problems& problems) {
  if (media.media_id().empty() == media.url().empty()) {
    problems.Add(absl::StrCat(path, ".media_id"), media.url().empty() ? "REQUIRED" : "CONFLICT",
                 "exactly one of media_id and url must be set");
  }
}

void CheckMessageTemplate(const MessageTemplate& message, const std::string& path,
                          Problems& problems) {
  if (message.has_header_media()) {
    const std::string header = absl::StrCat(path, ".header_media");
    CheckMedia(message.header_media(), header, problems);
    if (message.header_media().kind() == messageorganizer::common::v1::MEDIA_KIND_AUDIO)
      problems.Add(absl::StrCat(header, ".kind"), "NOT_SUPPORTED", "no header is a sound");
    if (!message.header_media().caption().empty())
      problems.Add(absl::StrCat(header, ".caption"), "NOT_SUPPORTED", "a header has no caption");
    if (message.header_parameters_size() > 0)
      problems.Add(absl::StrCat(path, ".header_parameters"), "CONFLICT",
                   "a header is a text or a file");
  }
  // The network refuses an empty value.
  const auto check = [&](const auto& values, absl::string_view name) {
    for (int i = 0; i < values.size(); ++i) {
      if (values[i].empty())
        problems.Add(absl::StrCat(path, ".", name, "[", i, "]"), "REQUIRED", "must not be empty");
    }
  };
  check(message.header_parameters(), "header_parameters");
  check(message.body_parameters(), "body_parameters");
}

// Written so that NaN is refused.
void CheckDegrees(double value, double limit, const std::string& field, Problems& problems) {
  if (!(std::abs(value) <= limit)) {
    problems.Add(field, "OUT_OF_RANGE", absl::StrCat("must be ", -limit, " to ", limit));
  }
}

void CheckTitle(absl::string_view title, size_t most, const std::string& field,
                Problems& problems) {
  if (title.empty()) problems.Add(field, "REQUIRED", "must not be empty");
  if (Characters(title) > most)
    problems.Add(field, "TOO_LONG", absl::StrCat("has at most ", most, " characters"));
}

void CheckTaps(const Content& content, absl::string_view path, Problems& problems) {
  const auto& replies = content.quick_replies();
  if (replies.empty() && !content.has_link_button()) return;
  const std::string field = absl::StrCat(path, replies.empty() ? ".link_button" : ".quick_replies");
  if (!replies.empty() && content.has_link_button())
    problems.Add(field, "CONFLICT", "not together with link_button");
  if (WordsOf(content).empty())
    problems.Add(field, "NEEDS_WORDS", "only with a text, or with media that have a caption");
  const bool list = replies.size() > 3 ||
                    std::any_of(replies.begin(), replies.end(),
                                [](const auto& reply) { return !reply.description().empty(); });
  std::set<std::string> titles;
  for (int i = 0; i < replies.size(); ++i) {
    const std::string one = absl::StrCat(field, "[", i, "]");
    CheckTitle(replies[i].title(), list ? 24 : 20, one + ".title", problems);
    if (Characters(replies[i].description()) > 72)
      problems.Add(one + ".description", "TOO_LONG", "has at most 72 characters");
    if (!titles.insert(replies[i].title()).second)
      problems.Add(one + ".title", "DUPLICATE", "is there already: nobody could tell them apart");
  }
  if (content.has_link_button())
    CheckTitle(content.link_button().title(), 20, absl::StrCat(path, ".link_button.title"),
               problems);
  if (Characters(content.menu_title()) > 20)
    problems.Add(absl::StrCat(path, ".menu_title"), "TOO_LONG", "has at most 20 characters");
}

void CheckKind(const Content& content, absl::string_view path, Problems& problems) {
  switch (content.kind_case()) {
    case Content::kText:
      return;
    case Content::kMedia:
      return CheckMedia(content.media(), absl::StrCat(path, ".media"), problems);
    case Content::kMessageTemplate:
      return CheckMessageTemplate(content.message_template(),
                                  absl::StrCat(path, ".message_template"), problems);
    case Content::kLocation:
      CheckDegrees(content.location().latitude(), 90, absl::StrCat(path, ".location.latitude"),
                   problems);
      CheckDegrees(content.location().longitude(), 180, absl::StrCat(path, ".location.longitude"),
                   problems);
      return;
    case Content::kUnsupported:
      return problems.Add(absl::StrCat(path, ".unsupported"), "INBOUND_ONLY", "cannot be sent");
    case Content::KIND_NOT_SET:
      return problems.Add(path, "REQUIRED",
                          "one of text, media, location and message_template must be set");
  }
}

// Parsed leniently: what was not checked as a template is ordinary text.
std::string Replace(const std::string& text, Template::Lookup lookup) {
  const auto parsed = Template::Parse(text, {"name", "channel", "keyword"});
  return parsed.ok() ? parsed->Render(lookup) : text;
}

}  // namespace

std::string Cut(absl::string_view text, size_t limit) {
  if (text.size() <= limit) return std::string(text);
  while (limit > 0 && (text[limit] & 0xC0) == 0x80) --limit;
  return std::string(text.substr(0, limit));
}

void VisitTexts(Content& content, absl::FunctionRef<void(const PersonalText& text)> visit) {
  if (content.has_text()) {
    visit({content.mutable_text()->mutable_body(), ".text.body", kTextBytes});
  } else if (content.has_media()) {
    visit({content.mutable_media()->mutable_caption(), ".media.caption", kCaptionBytes});
  } else if (content.has_message_template()) {
    constexpr char kPath[] = ".message_template.";
    MessageTemplate& message = *content.mutable_message_template();
    int i = 0;
    for (std::string& value : *message.mutable_header_parameters())
      visit({&value, absl::StrCat(kPath, "header_parameters[", i++, "]"), kCaptionBytes});
    i = 0;
    for (std::string& value : *message.mutable_body_parameters())
      visit({&value, absl::StrCat(kPath, "body_parameters[", i++, "]"), kCaptionBytes});
    i = 0;
    for (TemplateButton& button : *message.mutable_buttons())
      visit({button.mutable_parameter(), absl::StrCat(kPath, "buttons[", i++, "].parameter"),
             kCaptionBytes});
  }
  if (content.has_link_button())
    visit({content.mutable_link_button()->mutable_url(), kButtonUrl, kUrlBytes});
}

void CheckOutbound(const Content& content, absl::string_view path,
                   absl::Span<const absl::string_view> allowed_names, Problems& problems) {
  CheckKind(content, path, problems);
  CheckTaps(content, path, problems);
  Content copy = content;
  VisitTexts(copy, [&](const PersonalText& text) {
    // A value would have to be escaped there; only whole URLs are different for each recipient.
    if (text.path == kButtonUrl && absl::StrContains(*text.text, "{{")) {
      problems.Add(absl::StrCat(path, text.path), "BAD_PLACEHOLDER",
                   "the URL of a button has no placeholders");
      return;
    }
    const auto parsed = Template::Parse(*text.text, allowed_names);
    if (!parsed.ok())
      problems.Add(absl::StrCat(path, text.path), "BAD_PLACEHOLDER", parsed.status().message());
  });
}

Content RenderContent(const Content& content, Template::Lookup lookup) {
  Content rendered = content;
  VisitTexts(rendered, [&](const PersonalText& text) {
    if (!text.text->empty()) *text.text = Cut(Replace(*text.text, lookup), text.limit);
  });
  return rendered;
}

FileIn FileOf(const Content& content) {
  if (content.has_message_template())
    return {content.message_template().header_media().media_id(),
            ".message_template.header_media.media_id"};
  return {content.media().media_id(), ".media.media_id"};
}

absl::string_view WordsOf(const Content& content) {
  if (content.has_text()) return content.text().body();
  if (content.has_media()) return content.media().caption();
  return "";
}

std::string Snippet(const Content& content, size_t limit) {
  if (content.has_location()) {
    const Location& place = content.location();
    return Cut(absl::StrCat(place.name(), place.name().empty() ? "" : " ",
                            absl::StrFormat("%.6f, %.6f", place.latitude(), place.longitude())),
               limit);
  }
  if (content.has_message_template()) {
    const auto& values = content.message_template().body_parameters();
    return Cut(absl::StrCat(content.message_template().name(), values.empty() ? "" : ": ",
                            absl::StrJoin(values, ", ")),
               limit);
  }
  const absl::string_view words = WordsOf(content);
  return Cut(words.empty() && content.has_media() ? content.media().filename() : words, limit);
}

}  // namespace mo::text
