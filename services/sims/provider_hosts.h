// Where providers may be: their URLs are settings of tenants.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace mo::http {
struct ClientRequest;
}

namespace mo::sims {

// What is wrong with a provider's base URL, for humans; "" if nothing is. It must be https, of a
// public host, at a usual port, without query; or of one of --trusted_provider_hosts.
std::string BadProviderUrl(absl::string_view url);

// Sets what the HTTP client's guard lets pass for a request to a provider: anything for the trusted
// hosts, public addresses at usual ports for all others. Names are looked up when it connects, so
// that what they stand for is checked each time.
void GuardProviderRequest(http::ClientRequest& request);

}  // namespace mo::sims
