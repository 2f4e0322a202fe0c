#include "tests/bench/loadgen/callback_load.h"

#include <openssl/hmac.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace mo::bench {
namespace {

constexpr uint64_t kRecipients = 1000;
constexpr int kIndexBits = 10;  // of a delivery key

std::string Signature(const std::string& secret, const std::string& body) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(body.data()), body.size(), digest, &size);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<char*>(digest), size));
}

// As long as real ones are.
void AddStatus(const CallbackOptions& options, uint64_t number, std::string& body) {
  const uint64_t message = number % (static_cast<uint64_t>(options.dispatches) * kRecipients);
  const uint64_t dispatch = static_cast<uint64_t>(options.first_dispatch) + message / kRecipients;
  const uint64_t key = dispatch << kIndexBits | message % kRecipients;
  absl::StrAppend(&body, R"({"id":"wamid.HBgNNDM2NjQxMjM0NTY3OBUCABEYEjBGNDk3OEYyREM2QjcyMjM)", key,
                  R"(","status":")", options.status,
                  R"(","timestamp":"1763856000","recipient_id":"43)", 6600000000 + message,
                  R"(","biz_opaque_callback_data":"mo:)", key,
                  R"(","pricing":{"billable":true,"pricing_model":"PMP","category":"marketing"}})");
}

}  // namespace

void MakeCallbacks(const CallbackOptions& callbacks, RestOptions& load) {
  load.method = "POST";
  load.make = [callbacks](uint64_t number) {
    RestOptions::Made made;
    made.body = absl::StrCat(
        R"({"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages",)",
        R"("value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":")",
        callbacks.number, R"(","phone_number_id":")", callbacks.number, R"("},"statuses":[)");
    for (int i = 0; i < callbacks.statuses; ++i) {
      if (i > 0) made.body += ',';
      AddStatus(callbacks,
                number * static_cast<uint64_t>(callbacks.statuses) + static_cast<uint64_t>(i),
                made.body);
    }
    made.body += "]}}]}]}";
    made.headers = absl::StrCat(
        "X-Hub-Signature-256: sha256=", Signature(callbacks.app_secret, made.body), "\r\n");
    return made;
  };
}

}  // namespace mo::bench
