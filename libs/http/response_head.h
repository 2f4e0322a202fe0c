// The text of a response's head, as it goes over the wire.
#ifndef MESSAGEORGANIZER_LIBS_HTTP_RESPONSE_HEAD_H_
#define MESSAGEORGANIZER_LIBS_HTTP_RESPONSE_HEAD_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "libs/http/message.h"
#include "libs/http/quick.h"

namespace mo::http::internal {

// How a response is framed.
struct Framing {
  std::optional<size_t> content_length = {};  // none: chunked, or until the connection closes
  bool chunked = false;
  bool keep_alive = true;
  bool http10 = false;
};

// The reason phrase of a status, "Unknown" if it has none here.
absl::string_view ReasonPhrase(int status);

// True for the characters of a method or a header's name (RFC 9110, section 5.6.2).
bool IsToken(absl::string_view name);

// True where HTTP forbids a body: 1xx, 204, 304.
bool IsBodyless(int status);

// Replaces `*out` by status line, Date, `headers` and the framing's own headers. Lines of `headers`
// that would contradict the framing are left out, and so is any that is not a valid header; line
// breaks in values become spaces.
void WriteResponseHead(int status, const Headers& headers, const Framing& framing,
                       std::string* out);

// Appends a whole answer of HTTP/1.1 that keeps the connection.
void AppendQuickAnswer(const QuickAnswer& answer, bool head_only, std::string* out);

}  // namespace mo::http::internal

#endif  // MESSAGEORGANIZER_LIBS_HTTP_RESPONSE_HEAD_H_
