#include "libs/http/ssrf.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>

namespace mo::http {
namespace {

struct Range4 {
  uint32_t prefix;
  int bits;
};

// IANA's special-purpose IPv4 registry, and multicast.
constexpr Range4 kRefused4[] = {
    {0x00000000, 8},   // this network
    {0x0A000000, 8},   // private
    {0x64400000, 10},  // carrier-grade NAT
    {0x7F000000, 8},   // loopback
    {0xA9FE0000, 16},  // link-local, cloud metadata
    {0xAC100000, 12},  // private
    {0xC0000000, 24},  // protocol assignments
    {0xC0000200, 24},  // documentation
    {0xC0586300, 24},  // 6to4 relays
    {0xC0A80000, 16},  // private
    {0xC6120000, 15},  // benchmarks
    {0xC6336400, 24},  // documentation
    {0xCB007100, 24},  // documentation
    {0xE0000000, 4},   // multicast
    {0xF0000000, 4},   // reserved, broadcast
};

struct Range6 {
  std::array<uint8_t, 6> prefix;
  int bits;
};

// What is refused inside 2000::/3; all outside it is refused anyway (mapped ::ffff:0:0/96, NAT64
// 64:ff9b::/96, fc00::/7, fe80::/10, ff00::/8).
constexpr Range6 kRefused6[] = {
    {{0x20, 0x01, 0x00, 0x00, 0, 0}, 23},     // protocol assignments, with Teredo
    {{0x20, 0x01, 0x0D, 0xB8, 0, 0}, 32},     // documentation
    {{0x20, 0x02, 0x00, 0x00, 0, 0}, 16},     // 6to4
    {{0x26, 0x20, 0x00, 0x4F, 0x80, 0}, 48},  // AS112
    {{0x3F, 0xFE, 0x00, 0x00, 0, 0}, 16},     // the old 6bone
    {{0x3F, 0xFF, 0x00, 0x00, 0, 0}, 20},     // documentation
};

bool IsPublic4(uint32_t address) {
  return std::none_of(std::begin(kRefused4), std::end(kRefused4), [&](const Range4& range) {
    return ((address ^ range.prefix) >> (32 - range.bits)) == 0;
  });
}

bool Matches(const uint8_t* address, const Range6& range) {
  const int bytes = range.bits / 8;
  const int rest = range.bits % 8;
  if (std::memcmp(address, range.prefix.data(), static_cast<size_t>(bytes)) != 0) return false;
  return rest == 0 ||
         ((address[bytes] ^ range.prefix[static_cast<size_t>(bytes)]) >> (8 - rest)) == 0;
}

bool IsPublic6(const uint8_t* address) {
  if ((address[0] & 0xE0) != 0x20) return false;
  return std::none_of(std::begin(kRefused6), std::end(kRefused6),
                      [&](const Range6& range) { return Matches(address, range); });
}

}  // namespace

bool IsPublicAddress(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, address, sizeof v4);
    return IsPublic4(ntohl(v4.sin_addr.s_addr));
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, address, sizeof v6);
    return IsPublic6(v6.sin6_addr.s6_addr);
  }
  return false;
}

bool IsPublicAddress(absl::string_view address) {
  const std::string text(address.substr(0, address.find('%')));
  in_addr v4;
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return IsPublic4(ntohl(v4.s_addr));
  in6_addr v6;
  if (inet_pton(AF_INET6, text.c_str(), &v6) == 1) return IsPublic6(v6.s6_addr);
  return false;
}

bool IsAllowedPort(int port, const std::vector<int>& also) {
  return port == 80 || port == 443 || std::find(also.begin(), also.end(), port) != also.end();
}

}  // namespace mo::http
