#include "services/sims/drivers/consequences.h"

#include <catch2/catch.hpp>

namespace mo::sims {
namespace {

namespace common = messageorganizer::common::v1;

TEST_CASE("Every class of errors has its own row of consequences", "[drivers]") {
  for (int i = 0; i < kErrorClasses; ++i) {
    const auto error = static_cast<ErrorClass>(i);
    const Consequence& consequence = ConsequenceOf(error);
    INFO(consequence.name);
    CHECK(consequence.error == error);
    // What fails, at once or in the end, says why.
    const bool may_fail = consequence.message == MessageFate::kFail ||
                          consequence.message == MessageFate::kRetry ||
                          consequence.message == MessageFate::kRedirect;
    CHECK((consequence.reason != common::DELIVERY_REASON_UNSPECIFIED) == may_fail);
    // What is tried again waits, and at last ends.
    if (consequence.message == MessageFate::kRetry) {
      CHECK(consequence.first > absl::ZeroDuration());
      CHECK(consequence.longest >= consequence.first);
      CHECK(consequence.attempts > 1);
    }
  }
}

TEST_CASE("Errors of one level do not stop the others", "[drivers]") {
  CHECK(ConsequenceOf(ErrorClass::kPairThrottled).waits == Waits::kContact);
  CHECK(ConsequenceOf(ErrorClass::kThrottled).waits == Waits::kSim);
  CHECK(ConsequenceOf(ErrorClass::kCampaignsFrozen).waits == Waits::kCampaigns);
  CHECK(ConsequenceOf(ErrorClass::kRecipientGone).waits == Waits::kNobody);
  CHECK(ConsequenceOf(ErrorClass::kSimBlocked).sim == SimFate::kBlock);
}

TEST_CASE("The pauses grow to their limit; the provider's wish goes before them", "[drivers]") {
  const Consequence& pair = ConsequenceOf(ErrorClass::kPairThrottled);
  CHECK(BackOff(pair, 1, absl::ZeroDuration(), 0) == absl::Seconds(4));
  CHECK(BackOff(pair, 2, absl::ZeroDuration(), 0) == absl::Seconds(16));
  CHECK(BackOff(pair, 3, absl::ZeroDuration(), 0) == absl::Seconds(64));
  CHECK(BackOff(pair, 9, absl::ZeroDuration(), 0) == absl::Minutes(20));
  CHECK(BackOff(pair, 1, absl::ZeroDuration(), 1) == absl::Seconds(5));
  CHECK(BackOff(pair, 5, absl::Seconds(17), 0) == absl::Seconds(17));
}

}  // namespace
}  // namespace mo::sims
