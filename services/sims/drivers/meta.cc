#include "services/sims/drivers/meta.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/runtime/errors.h"
#include "services/sims/drivers/text.h"

namespace mo::sims {
namespace {

using Digest = std::array<unsigned char, 32>;

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool ParseHex(absl::string_view hex, Digest& digest) {
  if (hex.size() != 2 * digest.size()) return false;
  for (size_t i = 0; i < digest.size(); ++i) {
    const int high = HexValue(hex[2 * i]), low = HexValue(hex[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    digest[i] = static_cast<unsigned char>(high << 4 | low);
  }
  return true;
}

Digest HmacSha256(absl::string_view key, absl::string_view message) {
  Digest digest{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest.data(),
       &size);
  return digest;
}

// Equal, in a time that tells nothing of where they differ.
bool Same(absl::string_view a, absl::string_view b) {
  const Digest left = HmacSha256("compare", a), right = HmacSha256("compare", b);
  return CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

}  // namespace

std::optional<CallbackAnswer> MetaHandshake(absl::string_view verify_token,
                                            const Callback& callback) {
  if (callback.method != "GET") return std::nullopt;
  std::string mode, token, challenge;
  for (auto& [name, value] : http::ParseQuery(callback.query)) {
    if (name == "hub.mode") mode = std::move(value);
    if (name == "hub.verify_token") token = std::move(value);
    if (name == "hub.challenge") challenge = std::move(value);
  }
  const bool ours = !verify_token.empty() && Same(token, verify_token);
  if (mode != "subscribe" || !ours) return CallbackAnswer{403, "not the verify token"};
  return CallbackAnswer{200, std::move(challenge)};
}

absl::Status VerifyMetaSignature(absl::string_view app_secret, const Callback& callback) {
  absl::string_view signature = callback.headers.Get("X-Hub-Signature-256");
  Digest claimed;
  if (app_secret.empty() || !absl::ConsumePrefix(&signature, "sha256=") ||
      !ParseHex(signature, claimed)) {
    return absl::PermissionDeniedError("the callback is not signed");
  }
  const Digest digest = HmacSha256(app_secret, callback.body);
  if (CRYPTO_memcmp(digest.data(), claimed.data(), digest.size()) != 0)
    return absl::PermissionDeniedError("the callback's signature is wrong");
  return absl::OkStatus();
}

std::string GraphUrl(const DriverSettings& settings) {
  return absl::StrCat(settings.base_url.empty() ? "https://graph.facebook.com" : settings.base_url,
                      "/", settings.api_version.empty() ? "v25.0" : settings.api_version);
}

http::ClientRequest GraphRequest(const DriverSettings& settings, absl::string_view method,
                                 absl::string_view path, std::string body) {
  http::ClientRequest request;
  request.method = std::string(method);
  request.url = absl::StrCat(GraphUrl(settings), path);
  request.headers.Add("Authorization", absl::StrCat("Bearer ", settings.access_token));
  if (!body.empty()) request.headers.Add("Content-Type", "application/json");
  request.body = std::move(body);
  return request;
}

absl::Duration RetryAfter(const http::Response& response) {
  int64_t seconds = 0;
  const bool given = absl::SimpleAtoi(response.headers.Get("Retry-After"), &seconds);
  return given && seconds > 0 && seconds <= 86400 ? absl::Seconds(seconds) : absl::ZeroDuration();
}

absl::Time MetaTime(const Json& object, const char* name, absl::Time now) {
  constexpr int64_t kLatestSecond = 10'000'000'000;  // in 2286; more is milliseconds
  const int64_t time = IntAt(object, name);
  if (time <= 0 || time > kLatestSecond * 1000) return now;
  return time > kLatestSecond ? absl::FromUnixMillis(time) : absl::FromUnixSeconds(time);
}

absl::Status MetaDriver::CheckSettings() const {
  Problems problems;
  const auto require = [&](absl::string_view field, const std::string& value) {
    if (value.empty()) problems.Add(field, "REQUIRED", "is needed to speak to Meta");
  };
  require("sender_id", settings().sender_id);
  require("access_token", settings().access_token);
  require("app_secret", settings().app_secret);
  require("verify_token", settings().verify_token);
  if (!settings().sender_id.empty() && !AllDigits(settings().sender_id))
    problems.Add("sender_id", "INVALID", "Meta's ids are digits");
  return problems.ToStatus();
}

}  // namespace mo::sims
