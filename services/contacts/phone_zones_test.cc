#include "services/contacts/phone_zones.h"

#include <catch2/catch.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "libs/runtime/time_zone.h"

namespace mo::contacts {
namespace {

TEST_CASE("A phone number tells the zone of a country that has one clock") {
  CHECK(ZoneOfPhone("+436641234567") == "Europe/Vienna");
  CHECK(ZoneOfPhone("+4915112345678") == "Europe/Berlin");
  CHECK(ZoneOfPhone("+819012345678") == "Asia/Tokyo");
  CHECK(ZoneOfPhone("+38344123456") == "Europe/Belgrade");
  CHECK(ZoneOfPhone("+18761234567") == "America/Jamaica");
}

TEST_CASE("A phone number of a country with several clocks tells nothing, nor does what is none") {
  for (const char* phone : {"+12125550100", "+79161234567", "+61412345678", "+5511912345678",
                            "+525512345678", "+628123456789", "+77012345678", "+38", "+", "",
                            "436641234567", "+4x", "@user", "0664123"}) {
    CAPTURE(phone);
    CHECK(ZoneOfPhone(phone).empty());
  }
}

TEST_CASE("Every zone of the table is in the zone database, and no prefix hides another") {
  int known = 0;
  std::string last;
  for (int prefix = 0; prefix < 10000; ++prefix) {
    const absl::string_view zone = ZoneOfPhone(absl::StrCat("+", prefix, "000000"));
    if (zone.empty()) continue;
    if (zone != last) CHECK(IsTimeZone(std::string(zone)));
    last = std::string(zone);
    ++known;
  }
  CHECK(known > 200);
}

}  // namespace
}  // namespace mo::contacts
