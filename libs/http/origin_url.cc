#include "libs/http/origin_url.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/http/response_head.h"

namespace mo::http::internal {
namespace {

absl::Status NotUrl() { return absl::InvalidArgumentError("not a URL that is sent to"); }

// Printable ASCII without blanks.
bool IsGraphic(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
}

bool IsHeaderValue(absl::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

}  // namespace

absl::StatusOr<OriginUrl> SplitUrl(absl::string_view url) {
  OriginUrl parts;
  if (absl::ConsumePrefix(&url, "https://")) {
    parts.tls = true;
  } else if (!absl::ConsumePrefix(&url, "http://")) {
    return NotUrl();
  }
  if (!IsGraphic(url)) return NotUrl();
  url = url.substr(0, url.find('#'));
  parts.authority = url.substr(0, url.find_first_of("/?"));
  parts.target = url.substr(parts.authority.size());
  absl::string_view host = parts.authority;
  if (host.find('@') != absl::string_view::npos) return NotUrl();
  parts.port = parts.tls ? 443 : 80;
  const size_t bracket = host.rfind(']');
  const size_t colon = host.find(':', bracket == absl::string_view::npos ? 0 : bracket);
  if (colon != absl::string_view::npos) {
    if (!absl::SimpleAtoi(host.substr(colon + 1), &parts.port) || parts.port < 1 ||
        parts.port > 65535) {
      return NotUrl();
    }
    host = host.substr(0, colon);
  }
  if (absl::ConsumePrefix(&host, "[") && !absl::ConsumeSuffix(&host, "]")) return NotUrl();
  if (host.empty()) return NotUrl();
  parts.host = host;
  return parts;
}

absl::StatusOr<std::string> WriteRequest(const ClientRequest& request, const OriginUrl& url,
                                         absl::string_view user_agent) {
  if (!IsToken(request.method)) return absl::InvalidArgumentError("not a method");
  std::string bytes;
  bytes.reserve(512 + request.body.size());
  absl::StrAppend(&bytes, request.method, " ", absl::StartsWith(url.target, "/") ? "" : "/",
                  url.target, " HTTP/1.1\r\nHost: ", url.authority, "\r\n");
  bool has_agent = false;
  for (const Header& header : request.headers) {
    if (!IsToken(header.name) || !IsHeaderValue(header.value))
      return absl::InvalidArgumentError("not a header");
    // The framing is ours.
    if (absl::EqualsIgnoreCase(header.name, "content-length") ||
        absl::EqualsIgnoreCase(header.name, "transfer-encoding") ||
        absl::EqualsIgnoreCase(header.name, "connection") ||
        absl::EqualsIgnoreCase(header.name, "host")) {
      return absl::InvalidArgumentError("a header of the framing");
    }
    has_agent = has_agent || absl::EqualsIgnoreCase(header.name, "user-agent");
    absl::StrAppend(&bytes, header.name, ": ", header.value, "\r\n");
  }
  if (!has_agent) absl::StrAppend(&bytes, "User-Agent: ", user_agent, "\r\n");
  const bool bodyless =
      request.body.empty() &&
      (request.method == "GET" || request.method == "HEAD" || request.method == "DELETE");
  if (!bodyless) absl::StrAppend(&bytes, "Content-Length: ", request.body.size(), "\r\n");
  absl::StrAppend(&bytes, "\r\n", request.body);
  return bytes;
}

}  // namespace mo::http::internal
