#include "libs/http/transfer.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "libs/http/ssrf.h"

namespace mo::http::internal {
namespace {

constexpr size_t kMaxHeaderBytes = 64 << 10;

// The parts of a URL that decide where a request goes.
struct Origin {
  std::string scheme, host;
  int port = 0;
  friend bool operator==(const Origin&, const Origin&) = default;
};

std::string UrlPart(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return "";
  std::string copy(text);
  curl_free(text);
  return copy;
}

absl::StatusOr<Origin> ParseOrigin(const std::string& text) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), curl_url_cleanup);
  if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK ||
      text.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError("not a URL");
  }
  Origin origin{UrlPart(url.get(), CURLUPART_SCHEME),
                absl::AsciiStrToLower(UrlPart(url.get(), CURLUPART_HOST)),
                std::atoi(UrlPart(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT).c_str())};
  if (origin.scheme != "http" && origin.scheme != "https") {
    return absl::InvalidArgumentError("the URL is neither http nor https");
  }
  if (!UrlPart(url.get(), CURLUPART_USER).empty() ||
      !UrlPart(url.get(), CURLUPART_PASSWORD).empty()) {
    return absl::InvalidArgumentError("the URL carries credentials");
  }
  return origin;
}

bool HasControl(absl::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_iscntrl(static_cast<unsigned char>(c)) && c != '\t';
  });
}

// Another origin gets nothing that may be a secret.
Headers HarmlessOnly(const Headers& headers) {
  static constexpr absl::string_view kHarmless[] = {"accept", "accept-language", "content-type",
                                                    "user-agent"};
  Headers kept;
  for (const Header& line : headers) {
    if (std::any_of(std::begin(kHarmless), std::end(kHarmless), [&](absl::string_view name) {
          return absl::EqualsIgnoreCase(line.name, name);
        })) {
      kept.Add(line.name, line.value);
    }
  }
  return kept;
}

long Milliseconds(absl::Duration duration) {
  return static_cast<long>(absl::ToInt64Milliseconds(
      std::clamp<absl::Duration>(duration, absl::Milliseconds(1), absl::Hours(24))));
}

}  // namespace

Transfer::Transfer(ClientRequest request, Client::Callback done, std::string user_agent)
    : request_(std::move(request)),
      done_(std::move(done)),
      user_agent_(std::move(user_agent)),
      deadline_(absl::Now() + request_.timeout) {}

absl::Status Transfer::Prepare(CURL* easy) {
  const absl::Duration left = deadline_ - absl::Now();
  if (left <= absl::ZeroDuration()) return absl::DeadlineExceededError("no time left to send");
  absl::StatusOr<Origin> origin = ParseOrigin(request_.url);
  if (!origin.ok()) return origin.status();
  if (!request_.allow_private && !IsAllowedPort(origin->port, request_.allowed_ports)) {
    return absl::PermissionDeniedError(absl::StrCat("port ", origin->port, " is not allowed"));
  }
  if (request_.method.empty() || HasControl(request_.method) ||
      absl::StrContains(request_.method, ' ')) {
    return absl::InvalidArgumentError("not a method");
  }
  if (absl::Status status = SetHeaders(easy); !status.ok()) return status;
  response_ = {};
  header_bytes_ = 0;
  refused_ = too_large_ = cut_ = false;
  SetMethod(easy);
  curl_easy_setopt(easy, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");  // all that libcurl can undo
  curl_easy_setopt(easy, CURLOPT_USERAGENT, user_agent_.c_str());
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, Milliseconds(left));
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, Milliseconds(request_.connect_timeout));
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Transfer::OnBody);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Transfer::OnHeader);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  // Checked at the socket, where the name is resolved already; and again when the request goes out,
  // because a connection may have been opened by a request with other rules.
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &Transfer::OnSocket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, &Transfer::OnConnected);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, this);
  return absl::OkStatus();
}

absl::Status Transfer::SetHeaders(CURL* easy) {
  header_list_.reset();
  const auto append = [&](const std::string& line) {
    header_list_.reset(curl_slist_append(header_list_.release(), line.c_str()));
  };
  for (const Header& line : request_.headers) {
    if (line.name.empty() || HasControl(line.name) || HasControl(line.value) ||
        line.name.find_first_of(": ;\t") != std::string::npos) {
      return absl::InvalidArgumentError("not a valid header");
    }
    // libcurl's way to write an empty value.
    append(line.value.empty() ? absl::StrCat(line.name, ";")
                              : absl::StrCat(line.name, ": ", line.value));
  }
  // No form type libcurl would invent, no waiting for 100 Continue.
  if (!request_.headers.Has("content-type")) append("Content-Type:");
  if (!request_.headers.Has("expect")) append("Expect:");
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, header_list_.get());
  return absl::OkStatus();
}

void Transfer::SetMethod(CURL* easy) {
  const std::string& method = request_.method;
  if (method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    return;
  }
  if (!request_.body.empty() || method == "POST" || method == "PUT" || method == "PATCH") {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request_.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request_.body.data());
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method.c_str());
}

absl::StatusOr<Response> Transfer::Result(CURL* easy, CURLcode code) {
  if (refused_) return absl::PermissionDeniedError("the URL does not lead to the public internet");
  if (too_large_) return absl::ResourceExhaustedError("the response is too large");
  if (code == CURLE_OK || cut_) {
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    response_.status = static_cast<int>(status);
    return std::move(response_);
  }
  const char* reason = curl_easy_strerror(code);
  curl_off_t sending_from = 0;
  curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &sending_from);
  if (sending_from == 0) return absl::UnavailableError(reason);
  if (code == CURLE_OPERATION_TIMEDOUT) return absl::DeadlineExceededError(reason);
  return absl::UnknownError(reason);
}

absl::StatusOr<bool> Transfer::Redirect(CURL* easy, int status) {
  char* target = nullptr;
  curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &target);
  if (target == nullptr || request_.max_redirects == 0) return false;
  if (++redirects_ > request_.max_redirects) {
    return absl::FailedPreconditionError("too many redirects");
  }
  const std::string next = target;
  absl::StatusOr<Origin> from = ParseOrigin(request_.url);
  absl::StatusOr<Origin> to = ParseOrigin(next);
  if (!from.ok()) return from.status();
  if (!to.ok()) return to.status();
  const bool becomes_get = (status == 303 && request_.method != "HEAD") ||
                           ((status == 301 || status == 302) && request_.method == "POST");
  if (becomes_get) {
    request_.method = "GET";
    request_.body.clear();
    request_.headers.Remove("content-type");
  }
  if (*from != *to) {
    if (!request_.body.empty()) {
      return absl::PermissionDeniedError("a redirect would carry the body to another host");
    }
    request_.headers = HarmlessOnly(request_.headers);
  }
  request_.url = next;
  return true;
}

size_t Transfer::OnBody(char* data, size_t size, size_t count, void* self) {
  Transfer& transfer = *static_cast<Transfer*>(self);
  std::string& body = transfer.response_.body;
  const size_t room = transfer.request_.max_response_bytes - body.size();
  if (size * count > room) {
    if (transfer.request_.cut_response) body.append(data, room);
    transfer.cut_ = transfer.request_.cut_response;
    transfer.too_large_ = !transfer.cut_;
    return 0;
  }
  body.append(data, size * count);
  return size * count;
}

size_t Transfer::OnHeader(char* data, size_t size, size_t count, void* self) {
  Transfer& transfer = *static_cast<Transfer*>(self);
  transfer.header_bytes_ += size * count;
  if (transfer.header_bytes_ > kMaxHeaderBytes) {
    transfer.too_large_ = true;
    return 0;
  }
  const absl::string_view line(data, size * count);
  const size_t colon = line.find(':');
  if (absl::StartsWith(line, "HTTP/")) {
    transfer.response_.headers = {};  // those of an interim response, 100 Continue
  } else if (colon != absl::string_view::npos) {
    transfer.response_.headers.Add(std::string(line.substr(0, colon)),
                                   std::string(absl::StripAsciiWhitespace(line.substr(colon + 1))));
  }
  return size * count;
}

curl_socket_t Transfer::OnSocket(void* self, curlsocktype, curl_sockaddr* address) {
  Transfer& transfer = *static_cast<Transfer*>(self);
  if (!transfer.request_.allow_private && !IsPublicAddress(&address->addr)) {
    transfer.refused_ = true;
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

int Transfer::OnConnected(void* self, char* peer, char*, int, int) {
  Transfer& transfer = *static_cast<Transfer*>(self);
  // One of several addresses may have been refused at the socket and another taken.
  transfer.refused_ = !transfer.request_.allow_private && !IsPublicAddress(absl::string_view(peer));
  return transfer.refused_ ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

}  // namespace mo::http::internal
