#include "libs/text/content.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace mo::text {
namespace {

using messageorganizer::common::v1::Content;
using messageorganizer::common::v1::Location;
using messageorganizer::common::v1::Media;

constexpr size_t kTextBytes = 4096;  // as in content.proto
constexpr size_t kCaptionBytes = 1024;

void CheckTemplate(absl::string_view text, const std::string& field,
                   absl::Span<const absl::string_view> allowed_names, Problems& problems) {
  const auto parsed = Template::Parse(text, allowed_names);
  if (!parsed.ok()) problems.Add(field, "BAD_PLACEHOLDER", parsed.status().message());
}

void CheckMedia(const Media& media, const std::string& path,
                absl::Span<const absl::string_view> allowed_names, Problems& problems) {
  if (media.media_id().empty() == media.url().empty()) {
    problems.Add(absl::StrCat(path, ".media_id"), media.url().empty() ? "REQUIRED" : "CONFLICT",
                 "exactly one of media_id and url must be set");
  }
  CheckTemplate(media.caption(), absl::StrCat(path, ".caption"), allowed_names, problems);
}

// Written so that NaN is refused.
void CheckDegrees(double value, double limit, const std::string& field, Problems& problems) {
  if (!(std::abs(value) <= limit)) {
    problems.Add(field, "OUT_OF_RANGE", absl::StrCat("must be ", -limit, " to ", limit));
  }
}

std::string* TemplateOf(Content& content) {
  if (content.has_text()) return content.mutable_text()->mutable_body();
  if (content.has_media()) return content.mutable_media()->mutable_caption();
  return nullptr;
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

void CheckOutbound(const Content& content, absl::string_view path,
                   absl::Span<const absl::string_view> allowed_names, Problems& problems) {
  switch (content.kind_case()) {
    case Content::kText:
      CheckTemplate(content.text().body(), absl::StrCat(path, ".text.body"), allowed_names,
                    problems);
      return;
    case Content::kMedia:
      CheckMedia(content.media(), absl::StrCat(path, ".media"), allowed_names, problems);
      return;
    case Content::kLocation:
      CheckDegrees(content.location().latitude(), 90, absl::StrCat(path, ".location.latitude"),
                   problems);
      CheckDegrees(content.location().longitude(), 180, absl::StrCat(path, ".location.longitude"),
                   problems);
      return;
    case Content::kUnsupported:
      problems.Add(absl::StrCat(path, ".unsupported"), "INBOUND_ONLY", "cannot be sent");
      return;
    case Content::KIND_NOT_SET:
      problems.Add(path, "REQUIRED", "one of text, media and location must be set");
      return;
  }
}

Content RenderContent(const Content& content, Template::Lookup lookup) {
  Content rendered = content;
  if (std::string* text = TemplateOf(rendered); text != nullptr && !text->empty()) {
    *text = Cut(Replace(*text, lookup), content.has_text() ? kTextBytes : kCaptionBytes);
  }
  return rendered;
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
  const absl::string_view words = WordsOf(content);
  return Cut(words.empty() && content.has_media() ? content.media().filename() : words, limit);
}

}  // namespace mo::text
