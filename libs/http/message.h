// HTTP messages as plain values, and the encodings around them (percent, query, multipart).
#ifndef MESSAGEORGANIZER_LIBS_HTTP_MESSAGE_H_
#define MESSAGEORGANIZER_LIBS_HTTP_MESSAGE_H_

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mo::http {

// One header line. The name keeps the case it came with.
struct Header {
  std::string name;
  std::string value;
};

// Header lines in the order they came; names compare without case.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<Header> lines) : lines_(lines) {}

  // The first value of `name`, or null.
  const std::string* Find(absl::string_view name) const;
  // The first value of `name`, or empty.
  absl::string_view Get(absl::string_view name) const;
  bool Has(absl::string_view name) const { return Find(name) != nullptr; }

  // Appends a line, whatever is there already.
  void Add(std::string name, std::string value);
  // Replaces every line of `name` by this one.
  void Set(absl::string_view name, std::string value);
  void Remove(absl::string_view name);

  void reserve(size_t n) { lines_.reserve(n); }
  size_t size() const { return lines_.size(); }
  bool empty() const { return lines_.empty(); }
  std::vector<Header>::const_iterator begin() const { return lines_.begin(); }
  std::vector<Header>::const_iterator end() const { return lines_.end(); }

 private:
  std::vector<Header> lines_;
};

// A request as the server hands it over. `path` and `query` are the two sides of the target's first
// '?', still percent-encoded: a router must split the path before it decodes a segment.
struct Request {
  std::string method;
  std::string target;
  std::string path;
  std::string query;
  Headers headers;
  std::string body;
  std::string remote_address;  // of the TCP peer, without port
};

// A response. The server adds Date, Content-Length and Connection by itself.
struct Response {
  int status = 200;
  Headers headers;
  std::string body;
};

// Decodes %XX (and '+' as a space if asked). Nothing when an escape is cut short or not
// hexadecimal.
std::optional<std::string> PercentDecode(absl::string_view text, bool plus_is_space = false);

// Encodes every byte but RFC 3986's unreserved ones.
std::string PercentEncode(absl::string_view text);

// "a=1&b=x+y" as decoded pairs, in order, duplicates kept. A part that does not decode is kept as
// it came.
std::vector<std::pair<std::string, std::string>> ParseQuery(absl::string_view query);

// One part of a multipart body. `body` points into the text that was parsed.
struct Part {
  std::string name;
  std::string filename;
  std::string content_type;
  absl::string_view body;
};

// The parts of a multipart/form-data body, at most 64, each with at most 8 KiB of headers.
// InvalidArgument on anything that is not well formed to the closing boundary. `body` must outlive
// the result.
absl::StatusOr<std::vector<Part>> ParseMultipart(absl::string_view body,
                                                 absl::string_view content_type);

// A multipart/form-data body of parts, in their order; a part without content type is a plain
// field. `*content_type` gets the boundary with it, one that is in none of the parts.
std::string EncodeMultipart(const std::vector<Part>& parts, std::string* content_type);

}  // namespace mo::http

#endif  // MESSAGEORGANIZER_LIBS_HTTP_MESSAGE_H_
