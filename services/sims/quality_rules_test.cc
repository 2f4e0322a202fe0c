#include "services/sims/quality_rules.h"

#include <catch2/catch.hpp>

namespace mo::sims {
namespace {

using VerdictKind = Verdict::Kind;

constexpr auto kQueuedState = common::DELIVERY_STATE_QUEUED;
constexpr auto kAttemptingState = common::DELIVERY_STATE_ATTEMPTING;
constexpr auto kAcceptedState = common::DELIVERY_STATE_ACCEPTED;
constexpr auto kDeliveredState = common::DELIVERY_STATE_DELIVERED;
constexpr auto kFailedState = common::DELIVERY_STATE_FAILED;

// "accepted failed blocked refused" after the steps of one message.
std::string Counted(const std::vector<Standing>& steps) {
  QualityCounts counts;
  for (size_t i = 1; i < steps.size(); ++i) CountTransition(steps[i - 1], steps[i], counts);
  return absl::StrCat(counts.accepted, " ", counts.failed, " ", counts.blocked, " ",
                      counts.refused);
}

TEST_CASE("A message counts once, as what it is in the end", "[quality]") {
  const Standing attempting{kAttemptingState, {}}, accepted{kAcceptedState, {}},
      delivered{kDeliveredState, {}};
  const auto failed = [](common::DeliveryReason reason) { return Standing{kFailedState, reason}; };
  CHECK(Counted({attempting, accepted, delivered}) == "1 0 0 0");
  CHECK(Counted({attempting, delivered}) == "1 0 0 0");
  CHECK(Counted({attempting, {kQueuedState, {}}}) == "0 0 0 0");
  CHECK(Counted({attempting, {common::DELIVERY_STATE_UNCERTAIN, {}}}) == "0 0 0 0");
  CHECK(Counted({{common::DELIVERY_STATE_UNCERTAIN, {}}, delivered}) == "1 0 0 0");
  CHECK(Counted({attempting, failed(common::DELIVERY_REASON_PROVIDER)}) == "0 1 0 0");
  CHECK(Counted({attempting, failed(common::DELIVERY_REASON_ADDRESS_INVALID)}) == "0 1 0 0");
  CHECK(Counted({attempting, failed(common::DELIVERY_REASON_BLOCKED)}) == "0 0 1 0");
  CHECK(Counted({attempting, failed(common::DELIVERY_REASON_MESSAGE_REFUSED)}) == "0 0 0 1");
  CHECK(Counted({attempting, failed(common::DELIVERY_REASON_WINDOW_CLOSED)}) == "0 0 0 1");
  // Refused by a receipt after it was taken; and delivered after all.
  CHECK(Counted({attempting, accepted, failed(common::DELIVERY_REASON_BLOCKED)}) == "0 0 1 0");
  CHECK(Counted({attempting, failed(common::DELIVERY_REASON_PROVIDER), delivered}) == "1 0 0 0");
}

TEST_CASE("A SIM is judged by shares, of enough messages", "[quality]") {
  const absl::Duration hour = absl::Hours(1);
  const auto judge = [&](QualityCounts counts, double speed = 1, bool red = false,
                         absl::Duration age = absl::Minutes(5)) {
    return Judge(counts, age, speed, red);
  };
  // Too few, and one unlucky block among enough.
  CHECK(judge({10, 20, 10, 0}).kind == VerdictKind::kNothing);
  CHECK(judge({60, 0, 2, 0}).kind == VerdictKind::kNothing);
  // What the messages are to blame for is no reason.
  CHECK(judge({60, 0, 0, 1000}).kind == VerdictKind::kNothing);
  // Blocks and errors.
  CHECK(judge({97, 0, 3, 0}).kind == VerdictKind::kSlowDown);
  CHECK(judge({97, 0, 3, 0}).speed == 0.5);
  CHECK(judge({97, 0, 3, 0}).forget);
  CHECK(judge({79, 21, 0, 0}).kind == VerdictKind::kSlowDown);
  CHECK(judge({81, 19, 0, 0}).kind == VerdictKind::kNothing);
  CHECK(judge({97, 0, 3, 0}, 0.25).speed == 0.125);
  CHECK(judge({97, 0, 3, 0}, kSlowest).kind == VerdictKind::kNothing);
  // Very many blocks.
  CHECK(judge({90, 0, 10, 0}).kind == VerdictKind::kPause);
  CHECK(judge({50, 0, 9, 0}).kind == VerdictKind::kSlowDown);
  // Measured numbers are told.
  CHECK(judge({90, 0, 10, 0}).detail ==
        "of 100 messages 10.0 % were refused by recipients who have blocked the SIM, 0.0 % failed");
  // Faster again, a step at a time, after good results for a while.
  CHECK(judge({100, 0, 0, 0}, 0.25).kind == VerdictKind::kNothing);
  CHECK_FALSE(judge({100, 0, 0, 0}, 0.25).forget);
  CHECK(judge({100, 0, 0, 0}, 0.25, false, hour).kind == VerdictKind::kSpeedUp);
  CHECK(judge({100, 0, 0, 0}, 0.25, false, hour).speed == 0.5);
  CHECK(judge({100, 0, 0, 0}, 1, false, hour).kind == VerdictKind::kNothing);
  // Neither good nor bad: it stays slow.
  CHECK(judge({85, 15, 0, 0}, 0.5, false, hour).kind == VerdictKind::kNothing);
  // Not faster than half while the network calls it bad.
  CHECK(judge({100, 0, 0, 0}, 0.5, true, hour).kind == VerdictKind::kNothing);
  CHECK(judge({100, 0, 0, 0}, 0.25, true, hour).speed == 0.5);
  // With hardly a message it gets another chance, later.
  CHECK(judge({1, 0, 1, 0}, 0.5, false, hour).kind == VerdictKind::kNothing);
  CHECK(judge({1, 0, 1, 0}, 0.5, false, 6 * hour).kind == VerdictKind::kSpeedUp);
}

TEST_CASE("The score falls with errors, and ten times as fast with blocks", "[quality]") {
  CHECK(ScoreOf({0, 0, 0, 0}) == 1);
  CHECK(ScoreOf({0, 20, 20, 0}) == 1);
  CHECK(ScoreOf({100, 0, 0, 500}) == 1);
  CHECK(ScoreOf({90, 10, 0, 0}) == Approx(0.9));
  CHECK(ScoreOf({97, 0, 3, 0}) == Approx(0.7));
  CHECK(ScoreOf({80, 0, 20, 0}) == 0);
}

}  // namespace
}  // namespace mo::sims
