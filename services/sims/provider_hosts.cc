#include "services/sims/provider_hosts.h"

#include <vector>

#include "absl/flags/flag.h"
#include "libs/http/url_policy.h"

ABSL_FLAG(
    std::vector<std::string>, trusted_provider_hosts, {},
    "hosts of providers that SIMs may name although they are in our own network, speak plain "
    "http or listen at unusual ports, e.g. a Kannel or the simulator: \"127.0.0.1,kannel.lan\"");

namespace mo::sims {
namespace {

// Beside 80 and 443: what Telegram's and Kannel's servers listen at by default.
http::UrlPolicy Providers() {
  return {.trusted_hosts = absl::GetFlag(FLAGS_trusted_provider_hosts),
          .ports = {8081, 8443, 13013},
          .https_only = true};
}

}  // namespace

std::string BadProviderUrl(absl::string_view url) { return http::BadUrl(url, Providers()); }

void GuardProviderRequest(http::ClientRequest& request) { http::Guard(Providers(), request); }

}  // namespace mo::sims
