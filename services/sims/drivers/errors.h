// What providers refuse for: a closed set. What follows from each is in consequences.h, once.
#pragma once

#include <cstdint>

namespace mo::sims {

// Why a message (or a SIM, or a group) could not do what it was asked for.
enum class ErrorClass : uint8_t {
  kNone,  // no error
  // The provider cannot at the moment; the message was not taken.
  kRetry,
  // The request left, no answer came: it may have been taken.
  kUnknownOutcome,
  // Too many requests of the SIM (or of the provider's application that it belongs to).
  kThrottled,
  // Too many messages to this recipient; others are not concerned.
  kPairThrottled,
  // The SIM's campaigns are suspicious to the network; answers may go on.
  kCampaignsFrozen,
  // The recipient cannot be reached: not on the network, has never started, is deactivated.
  kRecipientGone,
  // The network keeps this one from the recipient for now; not to be tried again for a day.
  kRecipientLater,
  // The recipient has blocked the SIM or told the network that it wants no such messages.
  kOptedOut,
  // The recipient's id has changed (SendOutcome::new_address).
  kRecipientMoved,
  // Only a template may be sent: the recipient has not written within the network's time.
  kWindowClosed,
  // The message itself is refused: our mistake, or the sender's.
  kMessageRefused,
  // The template does not exist, is paused, or does not fit its parameters.
  kTemplateRefused,
  // The media could not be taken over; it may work later.
  kMediaRetry,
  // The media itself is refused.
  kMediaRefused,
  // The group does not exist any more, or the SIM is not in it.
  kGroupGone,
  // The group does not allow it.
  kGroupRefused,
  // The SIM's credentials do not hold any more.
  kSimUnauthorized,
  // The SIM lacks a permission, a payment, a registration: somebody has to look.
  kSimMisconfigured,
  // The network has blocked the SIM.
  kSimBlocked,
};
inline constexpr int kErrorClasses = static_cast<int>(ErrorClass::kSimBlocked) + 1;

}  // namespace mo::sims
