#include <array>

#include "absl/strings/match.h"
#include "services/sims/drivers/telegram.h"

namespace mo::sims {
namespace {

struct KnownError {
  int code;
  absl::string_view part;  // of the description
  ErrorClass error;
};
// Before the codes' own classes. The texts are Telegram's; it has no numbers for them.
constexpr std::array<KnownError, 26> kErrors = {{
    {403, "blocked by the user", ErrorClass::kOptedOut},
    {403, "was kicked", ErrorClass::kGroupGone},
    {403, "is not a member", ErrorClass::kGroupGone},
    {403, "group chat was deleted", ErrorClass::kGroupGone},
    {403, "not enough rights", ErrorClass::kGroupRefused},
    {400, "chat not found", ErrorClass::kRecipientGone},
    {400, "user not found", ErrorClass::kRecipientGone},
    {400, "chat_id is empty", ErrorClass::kRecipientGone},
    {400, "PEER_ID_INVALID", ErrorClass::kRecipientGone},
    {400, "group chat was upgraded", ErrorClass::kGroupGone},
    {400, "group chat was deactivated", ErrorClass::kGroupGone},
    {400, "group chat was deleted", ErrorClass::kGroupGone},
    {400, "not enough rights", ErrorClass::kGroupRefused},
    {400, "have no rights", ErrorClass::kGroupRefused},
    {400, "administrator rights", ErrorClass::kGroupRefused},
    {400, "CHAT_RESTRICTED", ErrorClass::kGroupRefused},
    {400, "CHAT_WRITE_FORBIDDEN", ErrorClass::kGroupRefused},
    {400, "TOPIC_CLOSED", ErrorClass::kGroupRefused},
    {400, "file is too big", ErrorClass::kMediaRefused},
    {400, "wrong file identifier", ErrorClass::kMediaRefused},
    {400, "wrong remote file", ErrorClass::kMediaRefused},
    {400, "failed to get HTTP URL content", ErrorClass::kMediaRefused},
    {400, "wrong type of the web page content", ErrorClass::kMediaRefused},
    {400, "file must be non-empty", ErrorClass::kMediaRefused},
    {400, "PHOTO_", ErrorClass::kMediaRefused},
    {400, "IMAGE_PROCESS_FAILED", ErrorClass::kMediaRefused},
}};

}  // namespace

ErrorClass TelegramError(int64_t code, absl::string_view description) {
  for (const KnownError& known : kErrors) {
    if (known.code == code && absl::StrContains(description, known.part)) return known.error;
  }
  switch (code) {
    case 401:
    case 404:
      return ErrorClass::kSimUnauthorized;
    case 403:
      // Deactivated, never started, a bot: whoever it is cannot be written to.
      return ErrorClass::kRecipientGone;
    case 409:
      return ErrorClass::kSimMisconfigured;
    case 413:
      return ErrorClass::kMediaRefused;
    case 429:
      return ErrorClass::kThrottled;
    case 504:
      return ErrorClass::kUnknownOutcome;
    default:
      if (code >= 500) return ErrorClass::kRetry;
      return code >= 400 ? ErrorClass::kMessageRefused : ErrorClass::kSimMisconfigured;
  }
}

}  // namespace mo::sims
