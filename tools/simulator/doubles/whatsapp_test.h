// A WhatsApp number and its customer, as the tests of the double have them.
#pragma once

#include <string>
#include <vector>

#include "tools/simulator/doubles/double_test.h"

namespace mo::simulator {

inline constexpr const char* kWhatsAppPhone = "+43664100";

// A number with one customer's phone that has just written.
struct WhatsAppWorld : DoubleWorld {
  explicit WhatsAppWorld(json more = json::object()) {
    json spec{
        {"driver", "whatsapp_cloud"},
        {"address", "+4315550"},
        {"sender_id", "1065"},
        {"business_id", "77"},
        {"token", "EAAB"},
        {"app_secret", "secret"},
        {"verify_token", "verify"},
        {"callback_url", customer.url()},
        {"callback_retry_ms", 5},
        {"templates",
         json::array({{{"name", "order"}, {"language", "de"}, {"parameters", 1}},
                      {{"name", "paused"}, {"language", "de"}, {"status", "PAUSED"}},
                      {{"name", "code"}, {"language", "de"}, {"category", "AUTHENTICATION"}}})}};
    spec.update(more);
    Control("POST", "/doubles", spec);
    Control("POST", "/phones",
            {{"network", "WHATSAPP"}, {"address", kWhatsAppPhone}, {"name", "Anna"}});
    Control("POST", "/doubles/%2B4315550:window", {{"phone", kWhatsAppPhone}, {"hours_ago", 1}});
  }

  http::Response Post(const json& body, const std::string& path = "/whatsapp/v25.0/1065/messages") {
    return Ask("POST", path, body.dump(),
               {{"Authorization", "Bearer EAAB"}, {"Content-Type", "application/json"}});
  }
  json Double() { return Control("GET", "/doubles")["doubles"][0]; }
  // All statuses that came so far, once there are so many.
  std::vector<json> Statuses(size_t count) {
    std::vector<json> statuses;
    customer.Until([&](const auto& seen) {
      statuses.clear();
      for (const http::Request& request : seen) {
        if (request.method != "POST") continue;
        const json body = json::parse(request.body);
        for (const json& change : body["entry"][0]["changes"]) {
          for (const json& status : change["value"].value("statuses", json::array())) {
            statuses.push_back(status);
          }
        }
      }
      return statuses.size() >= count;
    });
    return statuses;
  }

  Customer customer;
};

inline json WhatsAppText(const std::string& to, const std::string& body = "Hallo",
                         const std::string& tag = "mo:7") {
  return {{"messaging_product", "whatsapp"},
          {"recipient_type", "individual"},
          {"to", to},
          {"type", "text"},
          {"text", {{"body", body}}},
          {"biz_opaque_callback_data", tag}};
}

}  // namespace mo::simulator
