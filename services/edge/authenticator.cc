#include "services/edge/authenticator.h"

#include <openssl/sha.h>

#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "libs/runtime/errors.h"

namespace mo::edge {
namespace {

constexpr size_t kMaxSecret = 256;

absl::Status Refused(absl::string_view reason, absl::string_view detail) {
  return Error(absl::StatusCode::kUnauthenticated, reason, detail);
}

std::string Digest(absl::string_view secret) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(secret.data()), secret.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

// The secret in "Bearer <secret>"; nothing if the header is not of this form.
std::optional<absl::string_view> BearerOf(absl::string_view authorization) {
  const size_t space = authorization.find(' ');
  if (space == absl::string_view::npos ||
      !absl::EqualsIgnoreCase(authorization.substr(0, space), "Bearer")) {
    return std::nullopt;
  }
  const absl::string_view secret = absl::StripAsciiWhitespace(authorization.substr(space + 1));
  for (const char c : secret) {
    if (!absl::ascii_isgraph(c)) return std::nullopt;
  }
  if (secret.empty() || secret.size() > kMaxSecret) return std::nullopt;
  return secret;
}

}  // namespace

void Authenticator::Authenticate(absl::string_view authorization, const std::string& request_id,
                                 Done done) {
  if (authorization.empty()) {
    return done(Refused("API_KEY_MISSING", "send an API key: Authorization: Bearer mo_live_…"));
  }
  const std::optional<absl::string_view> secret = BearerOf(authorization);
  if (!secret) return done(Refused("API_KEY_INVALID", "the Authorization header holds no API key"));
  const std::string digest = Digest(*secret);
  std::optional<absl::StatusOr<Caller>> known;
  {
    absl::MutexLock lock(&mutex_);
    Entry& entry = entries_[digest];
    if (entry.asking) {
      entry.waiting.push_back(std::move(done));
      return;
    }
    if (clock_.Now() < entry.until) {
      known = entry.answer;
    } else {
      entry.asking = true;
      entry.waiting.push_back(std::move(done));
    }
  }
  if (known) return done(*std::move(known));
  lookup_(std::string(*secret), request_id,
          [this, digest](absl::StatusOr<Caller> answer) { Answer(digest, std::move(answer)); });
}

void Authenticator::Answer(const std::string& digest, absl::StatusOr<Caller> answer) {
  std::vector<Done> waiting;
  {
    absl::MutexLock lock(&mutex_);
    Entry& entry = entries_[digest];
    waiting.swap(entry.waiting);
    entry.asking = false;
    entry.answer = answer;
    // That accounts cannot be reached is no answer to keep.
    if (answer.ok()) {
      entry.until = clock_.Now() + kKeep;
    } else if (absl::IsUnauthenticated(answer.status())) {
      entry.until = clock_.Now() + kKeepRefusal;
    } else {
      entries_.erase(digest);
    }
    MakeRoom();
  }
  for (const Done& done : waiting) done(answer);
}

void Authenticator::MakeRoom() {
  if (entries_.size() <= kMaxEntries) return;
  const absl::Time now = clock_.Now();
  absl::erase_if(entries_,
                 [&](const auto& item) { return !item.second.asking && item.second.until <= now; });
  if (entries_.size() <= kMaxEntries / 2) return;
  // A flood of made-up keys: refusals go first, then everything.
  absl::erase_if(entries_,
                 [](const auto& item) { return !item.second.asking && !item.second.answer.ok(); });
  if (entries_.size() <= kMaxEntries / 2) return;
  absl::erase_if(entries_, [](const auto& item) { return !item.second.asking; });
}

}  // namespace mo::edge
