#include "libs/http/quick.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "libs/http/response_head.h"

namespace mo::http {

absl::string_view QuickRequest::Get(absl::string_view name) const {
  for (size_t i = 0; i < header_count; ++i) {
    if (absl::EqualsIgnoreCase(headers[i].first, name)) return headers[i].second;
  }
  return {};
}

namespace internal {
namespace {

constexpr absl::string_view kEnd = "\r\n\r\n";

// 1: may stand in a header's name; 2: in a target; 4: in a value.
constexpr std::array<unsigned char, 256> MakeClasses() {
  std::array<unsigned char, 256> classes{};
  for (size_t c = 0; c < classes.size(); ++c) {
    if (c > 0x20 && c < 0x7f) classes[c] |= 2;
    if ((c >= 0x20 && c != 0x7f) || c == '\t') classes[c] |= 4;
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter || c == '-' || c == '_') classes[c] |= 1;
  }
  return classes;
}
constexpr std::array<unsigned char, 256> kClasses = MakeClasses();

bool AllOf(absl::string_view text, unsigned char type) {
  unsigned char all = type;
  for (const char c : text) all &= kClasses[static_cast<unsigned char>(c)];
  return all == type;
}

absl::string_view Trim(absl::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Whether a header leaves the request a plain one.
bool IsPlain(absl::string_view name, absl::string_view value) {
  switch (name.size()) {
    case 6:
      return !absl::EqualsIgnoreCase(name, "expect");
    case 7:
      return !absl::EqualsIgnoreCase(name, "upgrade");
    case 10:
      return !absl::EqualsIgnoreCase(name, "connection") ||
             absl::EqualsIgnoreCase(value, "keep-alive");
    case 14:
      return !absl::EqualsIgnoreCase(name, "content-length");
    case 17:
      return !absl::EqualsIgnoreCase(name, "transfer-encoding");
    default:
      return true;
  }
}

// "GET /a HTTP/1.1".
bool ReadRequestLine(absl::string_view line, QuickRequest* request) {
  constexpr absl::string_view kVersion = " HTTP/1.1";
  request->head_only = absl::StartsWith(line, "HEAD ");
  if (!request->head_only && !absl::StartsWith(line, "GET ")) return false;
  line.remove_prefix(request->head_only ? 5 : 4);
  if (!absl::EndsWith(line, kVersion)) return false;
  line.remove_suffix(kVersion.size());
  request->target = line;
  return absl::StartsWith(line, "/") && AllOf(line, 2);
}

bool ReadHeader(absl::string_view line, QuickRequest* request) {
  const size_t colon = line.find(':');
  if (colon == absl::string_view::npos || request->header_count == QuickRequest::kMaxHeaders)
    return false;
  const absl::string_view name = line.substr(0, colon), value = Trim(line.substr(colon + 1));
  if (name.empty() || !AllOf(name, 1) || !AllOf(value, 4) || !IsPlain(name, value)) return false;
  if (name.size() == 4 && absl::EqualsIgnoreCase(name, "host")) {
    if (!request->host.empty() || value.empty()) return false;
    request->host = value;
  }
  request->headers[request->header_count++] = {name, value};
  return true;
}

}  // namespace

size_t ParseQuick(absl::string_view bytes, QuickRequest* request) {
  const size_t end = bytes.find(kEnd);
  if (end == absl::string_view::npos) return 0;
  request->host = {};
  request->header_count = 0;
  absl::string_view rest = bytes.substr(0, end + 2);
  size_t line = rest.find("\r\n");
  if (!ReadRequestLine(rest.substr(0, line), request)) return 0;
  for (rest.remove_prefix(line + 2); !rest.empty(); rest.remove_prefix(line + 2)) {
    line = rest.find("\r\n");
    if (!ReadHeader(rest.substr(0, line), request)) return 0;
  }
  return request->host.empty() ? 0 : end + kEnd.size();
}

}  // namespace internal
}  // namespace mo::http
