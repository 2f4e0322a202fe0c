// Requests that are answered from memory at once, without the cost of a Request and a Responder.
#ifndef MESSAGEORGANIZER_LIBS_HTTP_QUICK_H_
#define MESSAGEORGANIZER_LIBS_HTTP_QUICK_H_

#include <array>
#include <cstddef>
#include <utility>

#include "absl/strings/string_view.h"

namespace mo::http {

// The head of a plain GET or HEAD as it lies in the connection's buffer; the views live as long as
// the call.
struct QuickRequest {
  static constexpr size_t kMaxHeaders = 32;

  bool head_only = false;            // HEAD
  absl::string_view target;          // as it came, starts with '/'
  absl::string_view host;            // with its port, if any
  absl::string_view remote_address;  // of the TCP peer, without port
  std::array<std::pair<absl::string_view, absl::string_view>, kMaxHeaders> headers;
  size_t header_count = 0;

  // The first value of `name`, or empty; without case.
  absl::string_view Get(absl::string_view name) const;
};

// An answer to it. The server adds Date and Content-Length. The views must live until the handler
// is called again on this thread.
struct QuickAnswer {
  int status = 200;
  absl::string_view
      headers;             // whole lines, each with its CRLF; trusted: nothing in them is checked
  absl::string_view body;  // left out for HEAD
};

namespace internal {

// Reads a head at the front of `bytes`: the bytes it takes, or 0 for everything that is not whole,
// or not a GET or HEAD of HTTP/1.1 without body that every server reads alike (one Host, no Expect,
// Upgrade, Connection other than keep-alive, no line folding). That is left to the full parser,
// which also says what is wrong with it.
size_t ParseQuick(absl::string_view bytes, QuickRequest* request);

}  // namespace internal
}  // namespace mo::http

#endif  // MESSAGEORGANIZER_LIBS_HTTP_QUICK_H_
