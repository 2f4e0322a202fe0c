// Which URLs of tenants may be called.
#ifndef MESSAGEORGANIZER_LIBS_HTTP_URL_POLICY_H_
#define MESSAGEORGANIZER_LIBS_HTTP_URL_POLICY_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "libs/http/client.h"

namespace mo::http {

// What is asked of a URL that somebody has given us.
struct UrlPolicy {
  // Hosts that may be in our own network, speak plain http and listen anywhere; lower case.
  std::vector<std::string> trusted_hosts;
  // Ports beside 80 and 443.
  std::vector<int> ports;
  bool https_only = false;
  bool allow_query = false;
};

// What is wrong with the URL, for humans; "" if nothing is.
std::string BadUrl(absl::string_view url, const UrlPolicy& policy);

// Sets what the HTTP client's guard lets pass for the request: anything for the trusted hosts,
// public addresses at usual ports for all others. Names are looked up when it connects, so that
// what they stand for is checked each time.
void Guard(const UrlPolicy& policy, ClientRequest& request);

// "https://host:port" in lower case with the port always; "" for what is no URL.
std::string OriginOf(absl::string_view url);

}  // namespace mo::http

#endif  // MESSAGEORGANIZER_LIBS_HTTP_URL_POLICY_H_
