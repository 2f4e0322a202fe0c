#include "libs/http/ssrf.h"

#include <sys/un.h>

#include <catch2/catch.hpp>

namespace mo::http {
namespace {

TEST_CASE("only addresses of the public internet are public") {
  struct Case {
    const char* address;
    bool is_public;
  };
  const auto c = GENERATE(values<Case>({
      {"8.8.8.8", true},
      {"1.1.1.1", true},
      {"9.255.255.255", true},
      {"11.0.0.0", true},
      {"100.63.255.255", true},
      {"100.128.0.0", true},
      {"128.0.0.1", true},
      {"172.15.255.255", true},
      {"172.32.0.0", true},
      {"192.167.255.255", true},
      {"192.169.0.0", true},
      {"198.17.255.255", true},
      {"198.20.0.0", true},
      {"223.255.255.255", true},
      {"2a00:1450:4001:829::200e", true},
      {"2606:4700::1111", true},
      {"2001:4860:4860::8888", true},
      {"2001:200::1", true},
      {"0.0.0.0", false},
      {"0.1.2.3", false},
      {"10.0.0.1", false},
      {"10.255.255.255", false},
      {"100.64.0.0", false},
      {"100.127.255.255", false},
      {"127.0.0.1", false},
      {"127.255.255.254", false},
      {"169.254.169.254", false},
      {"172.16.0.1", false},
      {"172.31.255.255", false},
      {"192.0.0.8", false},
      {"192.0.2.1", false},
      {"192.88.99.1", false},
      {"192.168.0.1", false},
      {"198.18.0.1", false},
      {"198.19.255.255", false},
      {"198.51.100.7", false},
      {"203.0.113.9", false},
      {"224.0.0.1", false},
      {"239.255.255.255", false},
      {"240.0.0.1", false},
      {"255.255.255.255", false},
      {"::", false},
      {"::1", false},
      {"::7f00:1", false},
      {"::ffff:127.0.0.1", false},
      {"::ffff:8.8.8.8", false},
      {"64:ff9b::7f00:1", false},
      {"64:ff9b:1::a00:1", false},
      {"100::1", false},
      {"2001::1", false},  // Teredo
      {"2001:0:7f00:1::", false},
      {"2001:2::1", false},
      {"2001:20::1", false},
      {"2001:db8::1", false},
      {"2002:7f00:1::", false},  // 6to4
      {"2620:4f:8000::1", false},
      {"3fff::1", false},
      {"5f00::1", false},
      {"fc00::1", false},
      {"fdff::1", false},
      {"fe80::1", false},
      {"fe80::1%eth0", false},
      {"fec0::1", false},
      {"ff02::1", false},
      {"", false},
      {"localhost", false},
      {"2130706433", false},
      {"8.8.8", false},
      {"8.8.8.8 ", false},
  }));
  CAPTURE(c.address);
  CHECK(IsPublicAddress(absl::string_view(c.address)) == c.is_public);
}

TEST_CASE("other address families are not public") {
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  CHECK_FALSE(IsPublicAddress(reinterpret_cast<const sockaddr*>(&local)));
}

TEST_CASE("ports are those of the web, and those allowed on top") {
  CHECK(IsAllowedPort(80, {}));
  CHECK(IsAllowedPort(443, {}));
  CHECK_FALSE(IsAllowedPort(22, {}));
  CHECK_FALSE(IsAllowedPort(8080, {8443}));
  CHECK(IsAllowedPort(8443, {8443}));
}

}  // namespace
}  // namespace mo::http
