// What follows from a provider's error, for every provider.
#pragma once

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "messageorganizer/common/v1/content.pb.h"
#include "services/sims/drivers/errors.h"

namespace mo::sims {

// What becomes of the message.
enum class MessageFate {
  kDone,       // taken
  kRetry,      // queued again, after the back-off
  kRedirect,   // sent again at once, to the new address
  kFail,       // failed, with the reason
  kUncertain,  // may have arrived: never sent again by itself
};

// Who else has to wait as long as the message does.
enum class Waits { kNobody, kContact, kSim, kCampaigns };

// What is done to the SIM.
enum class SimFate {
  kNothing,
  kSlowDown,    // its rate is cut, and grows again while all goes well
  kFreezeBulk,  // no campaigns until somebody looks; answers go on
  kPause,       // out of the pool until somebody has mended it
  kBlock,       // out of the pool: the network has blocked it
};

// What is noted at the contact.
enum class ContactFate {
  kNothing,
  kCountUnreachable,  // several times in a row: not reachable on this network
  kOptOut,
  kCloseWindow,  // templates only, until it writes
  kMove,         // to the new address
};

// The consequence of one class.
struct Consequence {
  ErrorClass error;
  absl::string_view name;  // for logs and metrics
  MessageFate message;
  messageorganizer::common::v1::DeliveryReason reason;  // when it fails, now or after all attempts
  Waits waits;
  SimFate sim;
  ContactFate contact;
  // The pauses between attempts: first, first × factor, …, at most `longest`.
  absl::Duration first;
  double factor;
  absl::Duration longest;
  int attempts;  // in all, after which it fails
};

const Consequence& ConsequenceOf(ErrorClass error);

// How long to wait after the attempt with this number (from 1): the provider's own wish if it has
// one, else the back-off. `jitter`, 0 to 1, adds up to a quarter, so that not all come at once.
absl::Duration BackOff(const Consequence& consequence, int attempt, absl::Duration retry_after,
                       double jitter);

}  // namespace mo::sims
