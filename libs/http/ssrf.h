// Which addresses a URL from outside may lead to (server-side request forgery).
#ifndef MESSAGEORGANIZER_LIBS_HTTP_SSRF_H_
#define MESSAGEORGANIZER_LIBS_HTTP_SSRF_H_

#include <sys/socket.h>

#include <vector>

#include "absl/strings/string_view.h"

namespace mo::http {

// True for addresses of the public internet only. False for everything private, local, reserved,
// documentation or multicast, for IPv6 forms that carry an IPv4 address (mapped, 6to4, NAT64,
// Teredo), and for other families.
bool IsPublicAddress(const sockaddr* address);

// The same for an address in text form, with or without an IPv6 zone; false if it is none.
bool IsPublicAddress(absl::string_view address);

// True for 80, 443 and the ports in `also`.
bool IsAllowedPort(int port, const std::vector<int>& also);

}  // namespace mo::http

#endif  // MESSAGEORGANIZER_LIBS_HTTP_SSRF_H_
