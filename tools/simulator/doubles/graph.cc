#include "tools/simulator/doubles/graph.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace mo::simulator {

namespace {

// "v25.0"
bool IsVersion(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, "v")) return false;
  const size_t dot = text.find('.');
  if (dot == text.npos || dot == 0 || dot + 1 == text.size()) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c == '.' || absl::ascii_isdigit(c); });
}

}  // namespace

std::string GraphToken(const ProviderCall& call) {
  absl::string_view header = call.request.headers.Get("authorization");
  if (absl::ConsumePrefix(&header, "Bearer ")) return std::string(header);
  return call.Query("access_token");
}

std::string GraphQuote(absl::string_view text) {
  return json(std::string(text)).dump(-1, ' ', true, json::error_handler_t::replace);
}

std::string HmacSha256(absl::string_view key, absl::string_view message) {
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(message.data()), message.size(), mac, &size);
  return absl::BytesToHexString({reinterpret_cast<const char*>(mac), size});
}

size_t Characters(absl::string_view utf8) {
  return static_cast<size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

http::Response GraphDouble::Fail(const GraphError& error, int64_t retry_ms) const {
  const Words* words = FindWords(error.code);
  json out{{"message", error.code == 190
                           ? error.details
                           : absl::StrCat("(#", error.code, ") ",
                                          words == nullptr ? "Something went wrong" : words->text)},
           {"type", "OAuthException"},
           {"code", error.code},
           {"fbtrace_id", "A" + HmacSha256("trace", absl::StrCat(counts_.calls)).substr(0, 22)}};
  if (error.subcode != 0) out["error_subcode"] = error.subcode;
  if (error.code != 190 && Product()[0] != '\0') {
    out["error_data"] = {{"messaging_product", Product()}, {"details", error.details}};
  } else if (error.code != 190 && !error.details.empty()) {
    out["message"] = absl::StrCat("(#", error.code, ") ", error.details);
  }
  http::Response response =
      Json(words == nullptr ? 400 : words->status, json{{"error", out}}.dump());
  if (retry_ms > 0) response.headers.Add("Retry-After", absl::StrCat((retry_ms + 999) / 1000));
  return response;
}

std::optional<http::Response> GraphDouble::Refuse(const ProviderCall& call) const {
  const std::string token = GraphToken(call);
  if (token.empty()) {
    return Fail({190, "An active access token must be used to query information."});
  }
  if (token != spec_.token) {
    return Fail({190, "Invalid OAuth access token - Cannot parse access token"});
  }
  if (token_expired_) {
    return Fail({190, "Error validating access token: Session has expired.", 463});
  }
  if (call.path.empty() || !IsVersion(call.path[0])) {
    return Fail({100, "Unknown path components: the version is missing", 0});
  }
  return std::nullopt;
}

void GraphDouble::Notify(std::string body) {
  if (spec_.callback_url.empty()) return;
  http::ClientRequest request;
  request.method = "POST";
  request.url = spec_.callback_url;
  request.headers = {
      {"Content-Type", "application/json"},
      {"User-Agent", "facebookexternalua"},
      {"X-Hub-Signature-256", absl::StrCat("sha256=", HmacSha256(spec_.app_secret, body))}};
  request.body = std::move(body);
  callbacks_.Add(std::move(request));
}

http::Response GraphDouble::Throttled(int64_t retry_ms) {
  GraphError error{ThrottleCode(), "Rate limit hit"};
  http::Response response = Fail(error, retry_ms);
  response.status = 429;
  return response;
}

http::Response GraphDouble::Broken(bool plain) {
  if (!plain) return Fail({2, "Service temporarily unavailable"});
  return PlainAnswer(500, "text/html",
                     "<html><body><h1>Sorry, something went wrong.</h1></body></html>");
}

http::Response GraphDouble::Forced(const ForcedError& error) {
  return Fail({error.code, error.description});
}

void GraphDouble::OnCallback() {
  if (spec_.callback_url.empty()) return callbacks_.Await(std::nullopt);
  CallbackQueue::Handshake handshake;
  handshake.expected = absl::StrCat(1158201444 + id_);
  const char* mark = absl::StrContains(spec_.callback_url, "?") ? "&" : "?";
  handshake.request.url = absl::StrCat(
      spec_.callback_url, mark, "hub.mode=subscribe&hub.challenge=", handshake.expected,
      "&hub.verify_token=", http::PercentEncode(spec_.verify_token));
  callbacks_.Await(std::move(handshake));
}

}  // namespace mo::simulator
