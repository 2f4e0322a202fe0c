#include "libs/http/url_policy.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/http/ssrf.h"
#include "re2/re2.h"

namespace mo::http {
namespace {

struct Origin {
  bool https = false;
  std::string host;  // lower case; IPv6 without brackets
  int port = 0;
};

bool Parse(absl::string_view url, Origin& origin) {
  static const re2::RE2 form(
      "(?i)(https?)://(\\[[0-9a-f:.]+\\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?"
      "(?:[/?#].*)?");
  std::string scheme, host, port;
  if (!re2::RE2::FullMatch(re2::StringPiece(url.data(), url.size()), form, &scheme, &host, &port)) {
    return false;
  }
  origin.https = absl::EqualsIgnoreCase(scheme, "https");
  origin.host = absl::AsciiStrToLower(host);
  if (origin.host.front() == '[') origin.host = origin.host.substr(1, origin.host.size() - 2);
  origin.port = origin.https ? 443 : 80;
  return port.empty() || absl::SimpleAtoi(port, &origin.port);
}

bool IsTrusted(const Origin& origin, const UrlPolicy& policy) {
  return std::find(policy.trusted_hosts.begin(), policy.trusted_hosts.end(), origin.host) !=
         policy.trusted_hosts.end();
}

// A numeric address in whatever form; names have a letter in their last label.
bool IsNumeric(const std::string& host) {
  if (host.find(':') != std::string::npos) return true;
  const size_t dot = host.find_last_of('.');
  const std::string last = dot == std::string::npos ? host : host.substr(dot + 1);
  return last.empty() || absl::ascii_isdigit(last.front());
}

bool IsOfOurNetwork(const std::string& host) {
  if (IsNumeric(host)) return !IsPublicAddress(host);
  return host.find('.') == std::string::npos || absl::EndsWith(host, ".localhost") ||
         absl::EndsWith(host, ".local") || absl::EndsWith(host, ".internal");
}

}  // namespace

std::string BadUrl(absl::string_view url, const UrlPolicy& policy) {
  Origin origin;
  if (!Parse(url, origin) || origin.port < 1 || origin.port > 65535) {
    return "must be an http or https URL";
  }
  if (!policy.allow_query && url.find_first_of("?#") != absl::string_view::npos) {
    return "must have neither query nor fragment";
  }
  if (IsTrusted(origin, policy)) return "";
  if (policy.https_only && !origin.https) return "must be https";
  if (!IsAllowedPort(origin.port, policy.ports)) return "must be at a usual port";
  if (IsOfOurNetwork(origin.host)) return "must be of a host in the public internet";
  return "";
}

void Guard(const UrlPolicy& policy, ClientRequest& request) {
  Origin origin;
  request.allow_private = Parse(request.url, origin) && IsTrusted(origin, policy);
  request.allowed_ports = policy.ports;
}

std::string OriginOf(absl::string_view url) {
  Origin origin;
  if (!Parse(url, origin)) return "";
  return absl::StrCat(origin.https ? "https://" : "http://", origin.host, ":", origin.port);
}

}  // namespace mo::http
