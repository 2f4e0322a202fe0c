#include "services/sims/calling_codes.h"

#include <catch2/catch.hpp>

namespace mo::sims {
namespace {

TEST_CASE("Country calling codes have one to three digits", "[pool]") {
  static_assert(CallingCodeLength("436641234567") == 2);
  CHECK(CallingCodeLength("12025550123") == 1);
  CHECK(CallingCodeLength("79161234567") == 1);
  CHECK(CallingCodeLength("4915112345678") == 2);
  CHECK(CallingCodeLength("420601123456") == 3);
  CHECK(CallingCodeLength("3859112345") == 3);
  CHECK(CallingCodeLength("39612345678") == 2);
  CHECK(CallingCodeLength("996555123456") == 3);
  CHECK(CallingCodeLength("8613812345678") == 2);
  CHECK(CallingCodeLength("85291234567") == 3);
  CHECK(CallingCodeLength("") == 0);
  CHECK(CallingCodeLength("43") == 0);
}

}  // namespace
}  // namespace mo::sims
