#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "libs/http/message.h"

namespace mo::http {
namespace {

constexpr size_t kMaxParts = 64;
constexpr size_t kMaxPartHeaders = 8 << 10;
constexpr size_t kMaxBoundary = 70;  // RFC 2046, 5.1.1

absl::Status Malformed(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("multipart: ", what));
}

// Takes the next `; name=value` off `*rest` (value a token or a quoted string); false at the end or
// on nonsense.
bool NextParameter(absl::string_view* rest, std::string* name, std::string* value) {
  *rest = absl::StripLeadingAsciiWhitespace(*rest);
  if (!absl::ConsumePrefix(rest, ";")) return false;
  const size_t equals = rest->find('=');
  if (equals == absl::string_view::npos) return false;
  *name = absl::AsciiStrToLower(absl::StripAsciiWhitespace(rest->substr(0, equals)));
  rest->remove_prefix(equals + 1);
  *rest = absl::StripLeadingAsciiWhitespace(*rest);
  value->clear();
  if (!absl::ConsumePrefix(rest, "\"")) {
    const size_t end = std::min(rest->find(';'), rest->size());
    *value = std::string(absl::StripAsciiWhitespace(rest->substr(0, end)));
    rest->remove_prefix(end);
    return true;
  }
  while (!rest->empty() && rest->front() != '"') {
    // Browsers send %22 for a quote; a backslash is an escape only before a quote (old Windows
    // paths).
    if (rest->front() == '\\' && rest->size() > 1 && (*rest)[1] == '"') rest->remove_prefix(1);
    value->push_back(rest->front());
    rest->remove_prefix(1);
  }
  return absl::ConsumePrefix(rest, "\"");
}

absl::StatusOr<std::string> BoundaryOf(absl::string_view content_type) {
  const size_t semicolon = std::min(content_type.find(';'), content_type.size());
  if (!absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(content_type.substr(0, semicolon)),
                              "multipart/form-data")) {
    return Malformed("content type is not multipart/form-data");
  }
  absl::string_view rest = content_type.substr(semicolon);
  std::string name, value;
  while (NextParameter(&rest, &name, &value)) {
    if (name != "boundary") continue;
    if (value.empty() || value.size() > kMaxBoundary) return Malformed("bad boundary");
    return value;
  }
  return Malformed("no boundary");
}

// Reads a part's header lines into `part`.
absl::Status ReadPartHeaders(absl::string_view lines, Part* part) {
  bool disposition = false;
  while (!lines.empty()) {
    const size_t end = std::min(lines.find("\r\n"), lines.size());
    const absl::string_view line = lines.substr(0, end);
    lines.remove_prefix(std::min(end + 2, lines.size()));
    const size_t colon = line.find(':');
    if (colon == absl::string_view::npos) return Malformed("a part's header line has no colon");
    const absl::string_view name = line.substr(0, colon);
    const absl::string_view value = absl::StripAsciiWhitespace(line.substr(colon + 1));
    if (absl::EqualsIgnoreCase(name, "content-type")) {
      part->content_type = std::string(value);
    } else if (absl::EqualsIgnoreCase(name, "content-disposition")) {
      disposition = true;
      absl::string_view rest = value.substr(std::min(value.find(';'), value.size()));
      std::string key, text;
      while (NextParameter(&rest, &key, &text)) {
        if (key == "name") part->name = text;
        if (key == "filename") part->filename = text;
      }
    }
  }
  return disposition ? absl::OkStatus() : Malformed("a part has no content-disposition");
}

// What follows a boundary in the text: the end of all parts, the next part, or other content.
enum class Mark { kClose, kPart, kContent };

Mark ReadMark(absl::string_view* rest) {
  if (absl::ConsumePrefix(rest, "--")) return Mark::kClose;
  absl::string_view line = *rest;
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  if (!absl::ConsumePrefix(&line, "\r\n")) return Mark::kContent;
  *rest = line;
  return Mark::kPart;
}

// Cuts `*rest` at the next delimiter line, returns what was before it.
absl::StatusOr<absl::string_view> CutContent(absl::string_view delimiter, absl::string_view* rest,
                                             Mark* mark) {
  for (size_t from = 0;;) {
    const size_t at = rest->find(delimiter, from);
    if (at == absl::string_view::npos) return Malformed("the closing boundary is missing");
    absl::string_view after = rest->substr(at + delimiter.size());
    *mark = ReadMark(&after);
    if (*mark != Mark::kContent) {
      const absl::string_view content = rest->substr(0, at);
      *rest = after;
      return content;
    }
    from = at + 1;
  }
}

}  // namespace

absl::StatusOr<std::vector<Part>> ParseMultipart(absl::string_view body,
                                                 absl::string_view content_type) {
  absl::StatusOr<std::string> boundary = BoundaryOf(content_type);
  if (!boundary.ok()) return boundary.status();
  const std::string delimiter = absl::StrCat("\r\n--", *boundary);
  absl::string_view rest = body;
  // The first delimiter may stand at the very start, without the line break before it.
  if (!absl::ConsumePrefix(&rest, delimiter.substr(2))) return Malformed("no opening boundary");
  Mark mark = ReadMark(&rest);
  if (mark == Mark::kContent) return Malformed("no opening boundary");
  std::vector<Part> parts;
  while (mark == Mark::kPart) {
    if (parts.size() == kMaxParts) return Malformed("too many parts");
    Part part;
    const size_t end = rest.substr(0, kMaxPartHeaders).find("\r\n\r\n");
    if (end == absl::string_view::npos) return Malformed("a part's headers do not end");
    if (absl::Status status = ReadPartHeaders(rest.substr(0, end), &part); !status.ok()) {
      return status;
    }
    // The blank line's own break may belong to the delimiter of an empty part.
    rest.remove_prefix(end + 2);
    absl::StatusOr<absl::string_view> content = CutContent(delimiter, &rest, &mark);
    if (!content.ok()) return content.status();
    part.body = content->substr(std::min<size_t>(2, content->size()));
    parts.push_back(std::move(part));
  }
  return parts;
}

std::string EncodeMultipart(const std::vector<Part>& parts, std::string* content_type) {
  const auto within = [&](const std::string& boundary) {
    return std::any_of(parts.begin(), parts.end(),
                       [&](const Part& part) { return absl::StrContains(part.body, boundary); });
  };
  std::string boundary = "messageorganizer-part";
  for (int i = 0; within(boundary); ++i) boundary = absl::StrCat("messageorganizer-part-", i);
  // What a quoted parameter must not contain; as browsers do it.
  const auto quoted = [](absl::string_view text) {
    return absl::StrReplaceAll(text, {{"\"", "%22"}, {"\r", "%0D"}, {"\n", "%0A"}});
  };
  std::string body;
  for (const Part& part : parts) {
    absl::StrAppend(&body, "--", boundary, "\r\nContent-Disposition: form-data; name=\"",
                    quoted(part.name), "\"");
    if (!part.filename.empty())
      absl::StrAppend(&body, "; filename=\"", quoted(part.filename), "\"");
    if (!part.content_type.empty()) absl::StrAppend(&body, "\r\nContent-Type: ", part.content_type);
    absl::StrAppend(&body, "\r\n\r\n", part.body, "\r\n");
  }
  absl::StrAppend(&body, "--", boundary, "--\r\n");
  *content_type = absl::StrCat("multipart/form-data; boundary=", boundary);
  return body;
}

}  // namespace mo::http
