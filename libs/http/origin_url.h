// Internal to the pool client: a URL, split without libcurl, and what goes over the wire for it.
#ifndef MESSAGEORGANIZER_LIBS_HTTP_ORIGIN_URL_H_
#define MESSAGEORGANIZER_LIBS_HTTP_ORIGIN_URL_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/http/client.h"

namespace mo::http::internal {

// "https://host:port/target" in its parts. Views into the text.
struct OriginUrl {
  bool tls = false;
  absl::string_view authority;  // "host:port" as written, for the Host header
  absl::string_view host;       // without the brackets of an IPv6 address
  int port = 0;
  absl::string_view target;  // path and query; "" stands for "/"
};

// InvalidArgument for anything but http and https, with credentials, or with bytes that do not
// belong into a request line.
absl::StatusOr<OriginUrl> SplitUrl(absl::string_view url);

// The request as bytes. InvalidArgument where a method or header would break the framing.
absl::StatusOr<std::string> WriteRequest(const ClientRequest& request, const OriginUrl& url,
                                         absl::string_view user_agent);

}  // namespace mo::http::internal

#endif  // MESSAGEORGANIZER_LIBS_HTTP_ORIGIN_URL_H_
