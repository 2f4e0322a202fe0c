#include "services/sims/provider_hosts.h"

#include <algorithm>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/http/client.h"
#include "libs/http/ssrf.h"
#include "re2/re2.h"

ABSL_FLAG(
    std::vector<std::string>, trusted_provider_hosts, {},
    "hosts of providers that SIMs may name although they are in our own network, speak plain "
    "http or listen at unusual ports, e.g. a Kannel or the simulator: \"127.0.0.1,kannel.lan\"");

namespace mo::sims {
namespace {

// Beside 80 and 443: what Telegram's and Kannel's servers listen at by default.
const std::vector<int>& ProviderPorts() {
  static const std::vector<int> ports = {8081, 8443, 13013};
  return ports;
}

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

bool IsTrusted(const Origin& origin) {
  const std::vector<std::string> hosts = absl::GetFlag(FLAGS_trusted_provider_hosts);
  return std::find(hosts.begin(), hosts.end(), origin.host) != hosts.end();
}

// A numeric address in whatever form; names have a letter in their last label.
bool IsNumeric(const std::string& host) {
  if (host.find(':') != std::string::npos) return true;
  const size_t dot = host.find_last_of('.');
  const std::string last = dot == std::string::npos ? host : host.substr(dot + 1);
  return last.empty() || absl::ascii_isdigit(last.front());
}

}  // namespace

std::string BadProviderUrl(absl::string_view url) {
  Origin origin;
  if (!Parse(url, origin) || origin.port < 1 || origin.port > 65535) {
    return "must be an http or https URL";
  }
  if (url.find_first_of("?#") != absl::string_view::npos) {
    return "must have neither query nor fragment";
  }
  if (IsTrusted(origin)) return "";
  if (!origin.https) return "must be https";
  if (!http::IsAllowedPort(origin.port, ProviderPorts())) return "must be at a usual port";
  if (IsNumeric(origin.host)
          ? !http::IsPublicAddress(origin.host)
          : origin.host.find('.') == std::string::npos ||
                absl::EndsWith(origin.host, ".localhost") ||
                absl::EndsWith(origin.host, ".local") || absl::EndsWith(origin.host, ".internal")) {
    return "must be of a host in the public internet";
  }
  return "";
}

void GuardProviderRequest(http::ClientRequest& request) {
  Origin origin;
  request.allow_private = Parse(request.url, origin) && IsTrusted(origin);
  request.allowed_ports = ProviderPorts();
}

}  // namespace mo::sims
