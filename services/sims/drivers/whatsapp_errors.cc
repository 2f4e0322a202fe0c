// The error codes of WhatsApp's Cloud API (PROTOCOLS.md §1.2).
#include <algorithm>
#include <iterator>

#include "services/sims/drivers/whatsapp_cloud.h"

namespace mo::sims {
namespace {

using enum ErrorClass;

struct Range {
  int64_t first;
  int64_t last;
  ErrorClass error;
};

// Ascending.
constexpr Range kCodes[] = {
    {0, 0, kSimUnauthorized},
    {1, 2, kRetry},
    {3, 3, kSimMisconfigured},
    {4, 4, kThrottled},
    {10, 10, kSimMisconfigured},
    {33, 33, kMessageRefused},
    {100, 100, kMessageRefused},
    {190, 190, kSimUnauthorized},
    {200, 299, kSimMisconfigured},
    {368, 368, kSimBlocked},
    {613, 613, kThrottled},
    {80007, 80007, kThrottled},
    {130429, 130429, kThrottled},
    {130472, 130472, kRecipientLater},
    {130497, 130497, kRecipientGone},  // the business may not write to that country
    {130501, 130501, kGroupRefused},
    {131000, 131000, kRetry},
    {131005, 131005, kSimMisconfigured},
    {131008, 131009, kMessageRefused},
    {131016, 131016, kRetry},
    {131020, 131020, kGroupRefused},
    {131021, 131021, kMessageRefused},
    {131026, 131026, kRecipientGone},
    {131031, 131031, kSimBlocked},
    {131037, 131037, kSimMisconfigured},
    {131041, 131041, kGroupGone},
    {131042, 131042, kSimMisconfigured},
    {131045, 131045, kSimMisconfigured},
    {131047, 131047, kWindowClosed},
    {131048, 131048, kCampaignsFrozen},
    {131049, 131049, kRecipientLater},
    {131050, 131050, kOptedOut},
    {131051, 131051, kMessageRefused},
    {131052, 131052, kMediaRefused},
    {131053, 131053, kMediaRetry},
    {131055, 131055, kMessageRefused},
    {131056, 131056, kPairThrottled},
    {131057, 131057, kRetry},  // for a minute, while the number's throughput is raised
    {131059, 131059, kMessageRefused},
    {131062, 131062, kMessageRefused},
    {131201, 131207, kGroupRefused},
    {131208, 131208, kThrottled},
    {131209, 131215, kGroupRefused},
    {132000, 132016, kTemplateRefused},
    {132068, 132068, kTemplateRefused},
    {132069, 132069, kThrottled},
    {133000, 133000, kSimMisconfigured},
    {133004, 133004, kRetry},
    {133005, 133015, kSimMisconfigured},
    {133016, 133016, kThrottled},
    {134011, 134011, kSimMisconfigured},
    {134100, 134100, kTemplateRefused},
    {134101, 134101, kRetry},  // the template is still being made known, for ten minutes
    {134102, 134102, kTemplateRefused},
    {135000, 135000, kSimMisconfigured},
};

}  // namespace

// The code says more than the HTTP status; 429 and 5xx speak where it is unknown.
ErrorClass WhatsAppError(int64_t code, int http_status) {
  const auto* found =
      std::lower_bound(std::begin(kCodes), std::end(kCodes), code,
                       [](const Range& range, int64_t value) { return range.last < value; });
  if (found != std::end(kCodes) && found->first <= code) return found->error;
  if (http_status == 429) return kThrottled;
  if (http_status >= 500) return kRetry;
  return kMessageRefused;
}

}  // namespace mo::sims
