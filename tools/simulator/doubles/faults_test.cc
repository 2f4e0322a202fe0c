// Faults that all doubles have, on WhatsApp and where the answer differs on the others.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tools/simulator/doubles/double_test.h"

namespace mo::simulator {
namespace {

// One SIM of each provider, without limits, and a phone on each network.
struct FaultWorld : DoubleWorld {
  FaultWorld() {
    const json limits{{"messages_per_second", 0}, {"pair_interval_ms", 0}, {"window_ms", 0}};
    for (const char* driver : {"whatsapp_cloud", "telegram", "messenger", "sms_kannel"}) {
      json spec{{"driver", driver},       {"address", "+1"},         {"token", "1:a"},
                {"app_secret", "secret"}, {"strangers", true},       {"limits", limits},
                {"callback_retry_ms", 5}, {"count_by_content", true}};
      if (spec["driver"] != "telegram") spec["sender_id"] = "1";
      Control("POST", "/doubles", spec);
    }
    for (const char* name : {"WHATSAPP", "TELEGRAM", "MESSENGER", "SMS"}) {
      Control("POST", "/phones", {{"network", name}, {"address", "47110815"}});
    }
  }
  void Fault(const std::string& network_name, const json& faults) {
    Control("POST", "/doubles/%2B1:settings?network=" + network_name, {{"faults", faults}});
  }
  absl::StatusOr<http::Response> WhatsApp(const std::string& text = "x") {
    return Try("POST", "/whatsapp/v25.0/1/messages",
               json{{"messaging_product", "whatsapp"},
                    {"to", "47110815"},
                    {"text", {{"body", text}}},
                    {"biz_opaque_callback_data", "mo:" + text}}
                   .dump(),
               {{"Authorization", "Bearer 1:a"}, {"Content-Type", "application/json"}});
  }
  absl::StatusOr<http::Response> Telegram() {
    return Try("GET", "/telegram/bot1:a/sendMessage?chat_id=47110815&text=x");
  }
  absl::StatusOr<http::Response> Messenger() {
    return Try(
        "POST", "/messenger/v25.0/1/messages?access_token=1:a",
        R"({"messaging_type":"UPDATE","recipient":{"id":"47110815"},"message":{"text":"x"}})",
        {{"Content-Type", "application/json"}});
  }
  absl::StatusOr<http::Response> Kannel() {
    return Try("GET", "/kannel/cgi-bin/sendsms?user=1&pass=1:a&from=1&to=47110815&text=x");
  }
  int Received(const std::string& network_name) {
    return Phone(network_name, "47110815")["received"];
  }
};

TEST_CASE("faults: too many, with and without a hint, and nothing is taken") {
  FaultWorld world;
  for (const char* name : {"WHATSAPP", "TELEGRAM", "MESSENGER", "SMS"}) {
    world.Fault(name, {{"throttle_rate", 1}, {"throttle_retry_ms", 2500}});
  }
  auto answer = world.WhatsApp();
  CHECK(answer->status == 429);
  CHECK(answer->headers.Get("Retry-After") == "3");
  CHECK(json::parse(answer->body)["error"]["code"] == 130429);
  answer = world.Telegram();
  CHECK(answer->status == 429);
  CHECK(json::parse(answer->body)["parameters"]["retry_after"] == 3);
  answer = world.Messenger();
  CHECK(json::parse(answer->body)["error"]["code"] == 613);
  CHECK(world.Kannel()->headers.Get("Retry-After") == "3");
  for (const char* name : {"WHATSAPP", "TELEGRAM", "MESSENGER", "SMS"}) {
    world.Fault(name, {{"throttle_hint", false}});
  }
  CHECK_FALSE(world.WhatsApp()->headers.Has("Retry-After"));
  CHECK_FALSE(json::parse(world.Telegram()->body).contains("parameters"));
  CHECK(world.Kannel()->status == 503);
  for (const char* name : {"WHATSAPP", "TELEGRAM", "MESSENGER", "SMS"}) {
    CHECK(world.Received(name) == 0);
  }
}

TEST_CASE("faults: 5xx in the provider's words and in others'") {
  FaultWorld world;
  world.Fault("WHATSAPP", {{"error_rate", 1}});
  bool own = false, plain = false;
  for (int i = 0; i < 40; ++i) {
    const auto answer = world.WhatsApp();
    REQUIRE(answer.ok());
    CHECK(answer->status >= 500);
    (json::parse(answer->body, nullptr, false).is_object() ? own : plain) = true;
  }
  CHECK(own);
  CHECK(plain);
  CHECK(world.Received("WHATSAPP") == 0);
}

TEST_CASE("faults: the connection is closed after the message was taken") {
  FaultWorld world;
  for (const char* name : {"WHATSAPP", "TELEGRAM", "MESSENGER", "SMS"}) {
    world.Fault(name, {{"reset_rate", 1}});
  }
  CHECK_FALSE(world.WhatsApp().ok());
  CHECK_FALSE(world.Telegram().ok());
  CHECK_FALSE(world.Messenger().ok());
  CHECK_FALSE(world.Kannel().ok());
  // libcurl repeats by itself what it sent over a connection that may have been dead before.
  for (const char* name : {"WHATSAPP", "TELEGRAM", "MESSENGER", "SMS"}) {
    CHECK(world.Received(name) >= 1);
  }
}

TEST_CASE("faults: an answer comes late, others do not wait for it") {
  FaultWorld world;
  world.Fault("WHATSAPP", {{"latency_ms", 300}});
  const absl::Time begin = absl::Now();
  REQUIRE(world.WhatsApp().ok());
  CHECK(absl::Now() - begin >= absl::Milliseconds(300));
  CHECK(world.Received("WHATSAPP") == 1);
}

TEST_CASE("faults: an error for the next messages, whatever they are") {
  FaultWorld world;
  world.Control("POST", "/doubles/%2B1:fail?network=WHATSAPP", {{"code", 131049}, {"count", 2}});
  CHECK(json::parse(world.WhatsApp()->body)["error"]["code"] == 131049);
  CHECK(json::parse(world.WhatsApp()->body)["error"]["code"] == 131049);
  CHECK(world.WhatsApp()->status == 200);
  world.Control("POST", "/doubles/%2B1:fail?network=TELEGRAM",
                {{"code", 403}, {"description", "Forbidden: user is deactivated"}});
  const auto answer = world.Telegram();
  CHECK(answer->status == 403);
  CHECK(json::parse(answer->body)["description"] == "Forbidden: user is deactivated");
}

TEST_CASE("faults: receipts come twice, late and in the wrong order") {
  FaultWorld world;
  Customer customer;
  world.Control("POST", "/doubles/%2B1:callback?network=WHATSAPP", {{"url", customer.url()}});
  world.Control("POST", "/settings",
                {{"fault", {{"duplicate_receipt_rate", 1}, {"reorder_receipts", true}}},
                 {"receipt_delay_ms", 30}});
  REQUIRE(world.WhatsApp()->status == 200);
  std::vector<std::string> statuses;
  customer.Until([&](const auto& seen) {
    statuses.clear();
    for (const http::Request& request : seen) {
      const json body = json::parse(request.body, nullptr, false);
      if (!body.is_object()) continue;
      for (const json& status : body["entry"][0]["changes"][0]["value"]["statuses"]) {
        statuses.push_back(status["status"]);
      }
    }
    return statuses.size() >= 6;
  });
  CHECK(statuses ==
        std::vector<std::string>{"read", "read", "delivered", "delivered", "sent", "sent"});
}

TEST_CASE("faults: a phone that is offline gets its messages later, and reads when it likes") {
  FaultWorld world;
  Customer customer;
  world.Control("POST", "/doubles/%2B1:callback?network=WHATSAPP", {{"url", customer.url()}});
  world.Control("POST", "/settings", {{"auto_receipts", {{"read", false}}}});
  const auto count = [&](const char* status) {
    size_t found = 0;
    for (const http::Request& request : customer.Seen()) {
      found += absl::StrContains(request.body, absl::StrCat(R"("status":")", status, "\""));
    }
    return found;
  };
  world.Control("POST", "/phones/WHATSAPP/47110815:offline");
  REQUIRE(world.WhatsApp()->status == 200);
  testing::WaitFor([&] { return count("sent") == 1; }, "sent");
  CHECK(world.Received("WHATSAPP") == 0);
  world.Control("POST", "/phones/WHATSAPP/47110815:online");
  testing::WaitFor([&] { return count("delivered") == 1; }, "delivered");
  CHECK(world.Received("WHATSAPP") == 1);
  CHECK(count("read") == 0);
  world.Control("POST", "/phones/WHATSAPP/47110815:read");
  testing::WaitFor([&] { return count("read") == 1; }, "read");
  CHECK(world.Control("GET", "/doubles")["doubles"][0]["open"] == 0);
}

TEST_CASE("doubles: a SIM has an agent or a double, not two") {
  FaultWorld world;
  const auto answer = world.Try(
      "POST", "/agents",
      json{{"network", "WHATSAPP"}, {"address", "+1"}, {"token", "t"}, {"gateway", "127.0.0.1:1"}}
          .dump());
  CHECK(answer->status == 409);
  CHECK(world.Control("GET", "/doubles")["doubles"].size() == 4);
  world.Control("DELETE", "/doubles/%2B1?network=WHATSAPP");
  CHECK(world.WhatsApp()->status == 401);
}

}  // namespace
}  // namespace mo::simulator
