#include "services/sims/status_bytes.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace mo::sims {
namespace {

using namespace messageorganizer::common::v1;  // NOLINT: the enum's long names

TEST_CASE("States only rise") {
  // Rows: now; columns: next, in the order QUEUED … UNCERTAIN. 1: allowed.
  const std::vector<std::string> table = {
      "011111010",  // QUEUED: put back by a refusal, the provider knows better
      "101111101",  // ATTEMPTING
      "000111100",  // ACCEPTED
      "000011100",  // SENT
      "000001000",  // DELIVERED
      "000000000",  // READ
      "000011000",  // FAILED
      "000000000",  // SKIPPED
      "001111100",  // UNCERTAIN
  };
  for (int now = 1; now <= 9; ++now) {
    for (int next = 1; next <= 9; ++next) {
      INFO("now " << now << " next " << next);
      CHECK(Rises(static_cast<DeliveryState>(now), static_cast<DeliveryState>(next)) ==
            (table[static_cast<size_t>(now - 1)][static_cast<size_t>(next - 1)] == '1'));
    }
  }
}

TEST_CASE("Counts add up to the audience, reasons kept apart") {
  std::string status;
  for (int i = 0; i < 3; ++i) status += Pack({DELIVERY_STATE_READ, {}});
  status += Pack({DELIVERY_STATE_SKIPPED, DELIVERY_REASON_STOPPED});
  status += Pack({DELIVERY_STATE_SKIPPED, DELIVERY_REASON_CANCELED});
  status += Pack({DELIVERY_STATE_FAILED, DELIVERY_REASON_BLOCKED});
  DeliveryCounts counts;
  AddCounts(status, counts);
  AddCounts(status, counts);
  CHECK(counts.audience() == 12);
  CHECK(counts.read() == 6);
  CHECK(counts.skipped() == 4);
  CHECK(counts.failed() == 2);
  REQUIRE(counts.reasons_size() == 3);
  for (const auto& reason : counts.reasons()) CHECK(reason.count() == 2);
}

TEST_CASE("A dispatch is complete when nobody is queued or attempting") {
  CHECK(IsComplete(std::string(3, Pack({DELIVERY_STATE_SENT, {}}))));
  CHECK_FALSE(IsComplete(std::string(1, Pack({DELIVERY_STATE_SENT, {}})) +
                         Pack({DELIVERY_STATE_ATTEMPTING, {}})));
  CHECK_FALSE(IsComplete(std::string(1, Pack({DELIVERY_STATE_QUEUED, {}}))));
}

TEST_CASE("Delivery keys round-trip") {
  CHECK(DispatchOf(DeliveryKey(123456789012, 999)) == 123456789012);
  CHECK(IndexOf(DeliveryKey(123456789012, 999)) == 999);
}

}  // namespace
}  // namespace mo::sims
