#include "services/inbox/delivery_state.h"

#include <catch2/catch.hpp>
#include <map>
#include <string>

namespace mo::inbox {
namespace {

namespace v1 = messageorganizer::common::v1;

constexpr char kLetters[] = "-QTASDRFKU";  // index = DeliveryState; T: attempTing, K: sKipped

TEST_CASE("A message's state only rises") {
  // From each state, those that news may raise it to.
  const std::map<char, std::string> table = {
      {'Q', "TASDRFKU"}, {'T', "ASDRFKU"}, {'A', "SDRF"}, {'S', "DRF"},   {'D', "R"},
      {'R', ""},         {'F', "DR"},      {'K', "ASDR"}, {'U', "ASDRF"},
  };
  for (int from = v1::DELIVERY_STATE_QUEUED; from <= v1::DELIVERY_STATE_UNCERTAIN; ++from) {
    std::string rises;
    for (const char letter : std::string("QTASDRFKU")) {
      const auto to = static_cast<DeliveryState>(std::string(kLetters).find(letter));
      if (Rises(static_cast<DeliveryState>(from), to)) rises.push_back(letter);
    }
    INFO(kLetters[from]);
    CHECK(rises == table.at(kLetters[from]));
  }
}

}  // namespace
}  // namespace mo::inbox
