// The body of an outbound message: what it must be, and its placeholders.
#pragma once

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/runtime/errors.h"
#include "libs/text/template.h"
#include "messageorganizer/common/v1/content.pb.h"

namespace mo::text {

// Adds what is wrong with a content to be sent, beyond the limits in its proto: it must be of
// exactly one kind that can be sent, media have one source, coordinates are on earth, placeholders
// are among `allowed_names` or attributes. Fields are named from `path` on, e.g.
// "content.text.body".
void CheckOutbound(const messageorganizer::common::v1::Content& content, absl::string_view path,
                   absl::Span<const absl::string_view> allowed_names, Problems& problems);

// A part of a content that may be different for each recipient.
struct PersonalText {
  std::string* text;  // where it is
  std::string path;   // in the content, e.g. ".text.body"
  size_t limit;       // bytes it may have when it is filled in
};

// Shows each part of a content that may be different for each recipient: where placeholders may
// stand, and a button's URL.
void VisitTexts(messageorganizer::common::v1::Content& content,
                absl::FunctionRef<void(const PersonalText& text)> visit);

// A checked content with its placeholders replaced.
messageorganizer::common::v1::Content RenderContent(
    const messageorganizer::common::v1::Content& content, Template::Lookup lookup);

// The file of ours that a content needs, if any.
struct FileIn {
  std::string media_id;  // "med_…"
  std::string path;      // of that id in the content, e.g. ".media.media_id"
};
FileIn FileOf(const messageorganizer::common::v1::Content& content);

// What a person wrote: a text's body or a medium's caption; empty for all others. Valid as long as
// the content.
absl::string_view WordsOf(const messageorganizer::common::v1::Content& content);

// The text's beginning, at most `limit` bytes, cut between characters.
std::string Cut(absl::string_view text, size_t limit);

// One line that tells of a content, at most `limit` bytes, cut between characters: its words, a
// file's name, a place's name and coordinates, a template's name and values; empty where there are
// none.
std::string Snippet(const messageorganizer::common::v1::Content& content, size_t limit);

}  // namespace mo::text
