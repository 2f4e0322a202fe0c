#include "libs/http/response_head.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace mo::http::internal {
namespace {

constexpr std::pair<int, absl::string_view> kReasons[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Payload Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {499, "Client Closed Request"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

bool IsFraming(absl::string_view name) {
  return absl::EqualsIgnoreCase(name, "content-length") ||
         absl::EqualsIgnoreCase(name, "connection") ||
         absl::EqualsIgnoreCase(name, "transfer-encoding") || absl::EqualsIgnoreCase(name, "date");
}

// Now as an IMF-fixdate, formatted once a second and thread.
const std::string& Date() {
  thread_local int64_t second = -1;
  thread_local std::string text;
  const absl::Time now = absl::Now();
  if (const int64_t current = absl::ToUnixSeconds(now); current != second) {
    second = current;
    text = absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", now, absl::UTCTimeZone());
  }
  return text;
}

}  // namespace

bool IsToken(absl::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::string_view("!#$%&'*+-.^_`|~").find(c) != absl::string_view::npos;
  });
}

absl::string_view ReasonPhrase(int status) {
  const auto* found = std::lower_bound(
      std::begin(kReasons), std::end(kReasons), status,
      [](const std::pair<int, absl::string_view>& row, int wanted) { return row.first < wanted; });
  return found != std::end(kReasons) && found->first == status ? found->second : "Unknown";
}

bool IsBodyless(int status) { return status / 100 == 1 || status == 204 || status == 304; }

void WriteResponseHead(int status, const Headers& headers, const Framing& framing,
                       std::string* out) {
  out->clear();
  absl::StrAppend(out, "HTTP/1.1 ", status, " ", ReasonPhrase(status), "\r\nDate: ", Date(),
                  "\r\n");
  for (const Header& line : headers) {
    if (!IsToken(line.name) || IsFraming(line.name)) continue;
    absl::StrAppend(out, line.name, ": ");
    const size_t from = out->size();
    absl::StrAppend(out, line.value, "\r\n");
    std::replace_if(
        out->begin() + static_cast<std::ptrdiff_t>(from), out->end() - 2,
        [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
  }
  if (framing.content_length.has_value() && !IsBodyless(status)) {
    absl::StrAppend(out, "Content-Length: ", *framing.content_length, "\r\n");
  }
  if (framing.chunked) absl::StrAppend(out, "Transfer-Encoding: chunked\r\n");
  if (!framing.keep_alive) {
    absl::StrAppend(out, "Connection: close\r\n");
  } else if (framing.http10) {
    absl::StrAppend(out, "Connection: keep-alive\r\n");
  }
  absl::StrAppend(out, "\r\n");
}

void AppendQuickAnswer(const QuickAnswer& answer, bool head_only, std::string* out) {
  absl::StrAppend(out, "HTTP/1.1 ", answer.status, " ", ReasonPhrase(answer.status),
                  "\r\nDate: ", Date(), "\r\n", answer.headers);
  absl::StrAppend(out, "Content-Length: ", answer.body.size(), "\r\n\r\n");
  if (!head_only) out->append(answer.body.data(), answer.body.size());
}

}  // namespace mo::http::internal
