// What WhatsApp and Messenger have in common: Meta's Graph API, its errors and its callbacks.
#pragma once

#include <optional>
#include <string>

#include "tools/simulator/doubles/double.h"

namespace mo::simulator {

// An error of the Graph API.
struct GraphError {
  int code = 0;
  std::string details;
  int subcode = 0;
};

// A double that speaks the Graph API.
class GraphDouble : public Double {
 protected:
  using Double::Double;

  // The HTTP status and the words for a code.
  struct Words {
    int code;
    int status;
    const char* text;
  };
  virtual const Words* FindWords(int code) const = 0;
  // Errors name the product, on WhatsApp.
  virtual const char* Product() const = 0;

  http::Response Fail(const GraphError& error, int64_t retry_ms = 0) const;
  // What is wrong with the version in the path or with the token; none: nothing.
  std::optional<http::Response> Refuse(const ProviderCall& call) const;
  // Posts a callback, signed over its bytes. Without a URL it is lost.
  void Notify(std::string body);

  http::Response Throttled(int64_t retry_ms) override;
  http::Response Broken(bool plain) override;
  http::Response Forced(const ForcedError& error) override;
  // Meta asks whether the URL is the customer's before it calls it.
  void OnCallback() override;

  virtual int ThrottleCode() const = 0;
};

// "Bearer x" or ?access_token=x.
std::string GraphToken(const ProviderCall& call);

// A string as JSON, with all that is not ASCII escaped: so Meta writes its callbacks.
std::string GraphQuote(absl::string_view text);

// HMAC-SHA256 in lower-case hexadecimal digits.
std::string HmacSha256(absl::string_view key, absl::string_view message);

// Characters, not bytes.
size_t Characters(absl::string_view utf8);

}  // namespace mo::simulator
