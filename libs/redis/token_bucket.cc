#include "libs/redis/token_bucket.h"

#include "absl/strings/str_cat.h"
#include "libs/runtime/status.h"

namespace mo::embedded {
absl::string_view redis_token_bucket();
}

namespace mo::redis {

TokenBucket::TokenBucket(Pool& pool) : pool_(pool), script_(embedded::redis_token_bucket()) {}

absl::StatusOr<Grant> TokenBucket::Run(absl::string_view key, RateLimit limit, int64_t wanted,
                                       absl::Time now, bool partial) {
  const std::string rate = absl::StrCat(limit.per_second), burst = absl::StrCat(limit.burst);
  const std::string count = absl::StrCat(wanted), micros = absl::StrCat(absl::ToUnixMicros(now));
  MO_ASSIGN_OR_RETURN(Reply reply,
                      pool_.Run(script_, {key}, {rate, burst, count, micros, partial ? "1" : "0"}));
  if (reply.size() != 3) return absl::UnavailableError("Redis: the token bucket answers nonsense");
  return Grant{reply[0].integer, reply[1].integer, absl::Microseconds(reply[2].integer)};
}

}  // namespace mo::redis
