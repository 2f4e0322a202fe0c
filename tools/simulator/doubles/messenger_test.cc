#include "tools/simulator/doubles/messenger.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tools/simulator/doubles/double_test.h"

namespace mo::simulator {
namespace {

constexpr const char* kPsid = "7001";

// A page with somebody who has just written.
struct MessengerWorld : DoubleWorld {
  MessengerWorld() {
    Control("POST", "/doubles",
            {{"driver", "messenger"},
             {"address", "newspage"},
             {"sender_id", "555"},
             {"token", "PAGE"},
             {"app_secret", "secret"},
             {"verify_token", "verify"},
             {"callback_url", customer.url()},
             {"callback_retry_ms", 5}});
    Control("POST", "/phones", {{"network", "MESSENGER"}, {"address", kPsid}, {"name", "Anna"}});
    SetHours(1);
  }
  void SetHours(double hours) {
    Control("POST", "/doubles/newspage:window", {{"phone", kPsid}, {"hours_ago", hours}});
  }
  http::Response Post(const json& body, const std::string& page = "555") {
    return Ask("POST", absl::StrCat("/messenger/v25.0/", page, "/messages?access_token=PAGE"),
               body.dump(), {{"Content-Type", "application/json"}});
  }
  // The events so far, once there are so many.
  std::vector<json> Events(size_t count) {
    std::vector<json> events;
    customer.Until([&](const auto& seen) {
      events.clear();
      for (const http::Request& request : seen) {
        if (request.method != "POST") continue;
        CHECK(request.headers.Get("X-Hub-Signature-256") ==
              "sha256=" + HmacSha256("secret", request.body));
        const json body = json::parse(request.body);
        CHECK(body["object"] == "page");
        for (const json& event : body["entry"][0]["messaging"]) events.push_back(event);
      }
      return events.size() >= count;
    });
    return events;
  }

  Customer customer;
};

json Text(const std::string& text = "Hallo", const std::string& type = "UPDATE") {
  return {{"messaging_type", type}, {"recipient", {{"id", kPsid}}}, {"message", {{"text", text}}}};
}

const json* Find(const std::vector<json>& events, const char* kind) {
  for (const json& event : events) {
    if (event.contains(kind)) return &event;
  }
  return nullptr;
}

TEST_CASE("messenger: a message arrives, with echo, delivery and read watermark") {
  MessengerWorld world;
  json message = Text();
  message["message"]["metadata"] = "mo:9";
  const http::Response answer = world.Post(message);
  INFO(answer.body);
  REQUIRE(answer.status == 200);
  const json taken = json::parse(answer.body);
  CHECK(taken["recipient_id"] == kPsid);
  const std::string id = taken["message_id"];
  const std::vector<json> events = world.Events(3);
  const json* echo = Find(events, "message");
  REQUIRE(echo != nullptr);
  CHECK((*echo)["sender"]["id"] == "555");
  CHECK((*echo)["message"]["is_echo"] == true);
  CHECK((*echo)["message"]["mid"] == id);
  CHECK((*echo)["message"]["metadata"] == "mo:9");
  const json* delivery = Find(events, "delivery");
  REQUIRE(delivery != nullptr);
  CHECK((*delivery)["delivery"]["mids"][0] == id);
  CHECK((*delivery)["sender"]["id"] == kPsid);
  const json* read = Find(events, "read");
  REQUIRE(read != nullptr);
  // Everything up to the message's own time.
  CHECK((*read)["read"]["watermark"] == (*echo)["timestamp"]);
  const json phone = world.Phone("MESSENGER", kPsid);
  CHECK(phone["messages"][0]["key"] == "9");
  CHECK(world.Post(message, "me").status == 200);
  CHECK(world.Phone("MESSENGER", kPsid)["duplicates"] == 1);
}

TEST_CASE("messenger: refuses what Meta refuses") {
  MessengerWorld world;
  const auto with = [](json body, const char* key, json value) {
    body[key] = std::move(value);
    return body;
  };
  struct Case {
    json body;
    int status, code, subcode;
  };
  json replies = json::array();
  for (int i = 0; i < 14; ++i) {
    replies.push_back({{"content_type", "text"}, {"title", "t"}, {"payload", "p"}});
  }
  const std::vector<Case> cases{
      {with(Text(), "recipient", {{"id", "9"}}), 400, 100, 2018001},
      {with(Text(), "recipient", nullptr), 400, 100, 0},
      {with(Text(), "messaging_type", "SHOUT"), 400, 100, 0},
      {with(Text(), "message", json::object()), 400, 100, 0},
      {with(Text(), "message", {{"text", "x"}, {"attachment", json::object()}}), 400, 100, 0},
      {with(Text(), "message", {{"text", "x"}, {"caption", "y"}}), 400, 100, 0},
      {with(Text(), "message", {{"text", "x"}, {"quick_replies", replies}}), 400, 100, 0},
      {with(Text(), "message",
            {{"attachment", {{"type", "sound"}, {"payload", {{"url", "https://x"}}}}}}),
       400, 100, 0},
      {with(Text(), "message", {{"attachment", {{"type", "image"}, {"payload", {{"url", "x"}}}}}}),
       400, 100, 0},
      {Text(std::string(2001, 'x')), 400, 100, 0},
      {with(Text("x", "MESSAGE_TAG"), "tag", "ACCOUNT_UPDATE"), 400, 100, 0},
  };
  for (const Case& one : cases) {
    const http::Response answer = world.Post(one.body);
    INFO(one.body << " " << answer.body);
    CHECK(answer.status == one.status);
    const json error = json::parse(answer.body)["error"];
    CHECK(error["code"] == one.code);
    CHECK(error.value("error_subcode", 0) == one.subcode);
  }
  CHECK(world
            .Ask("POST", "/messenger/v25.0/555/messages?access_token=other", Text().dump(),
                 {{"Content-Type", "application/json"}})
            .status == 401);
  CHECK(world.Phone("MESSENGER", kPsid)["received"] == 0);
}

TEST_CASE("messenger: the window, the agent's tag, and those who have asked for news") {
  MessengerWorld world;
  world.SetHours(25);
  json error = json::parse(world.Post(Text()).body)["error"];
  CHECK(error["code"] == 10);
  CHECK(error["error_subcode"] == 2018278);
  json agent = Text("x", "MESSAGE_TAG");
  agent["tag"] = "HUMAN_AGENT";
  CHECK(world.Post(agent).status == 200);
  world.SetHours(24 * 7 + 1);
  CHECK(json::parse(world.Post(agent).body)["error"]["error_subcode"] == 2018278);

  world.Control("POST", "/doubles/newspage:preferences", {{"phone", kPsid}});
  const std::vector<json> events = world.Events(4);  // the agent's message has three
  const json* optin = Find(events, "optin");
  REQUIRE(optin != nullptr);
  json news = Text("news");
  news["recipient"] = {
      {"notification_messages_token", (*optin)["optin"]["notification_messages_token"]}};
  CHECK(world.Post(news).status == 200);
  world.Control("POST", "/doubles/newspage:preferences", {{"phone", kPsid}, {"stop", true}});
  CHECK(world.Post(news).status == 400);
}

TEST_CASE("messenger: blocked, banned, too many") {
  MessengerWorld world;
  world.Control("POST", "/phones/MESSENGER/7001:block", {{"sim", "newspage"}});
  json error = json::parse(world.Post(Text()).body)["error"];
  CHECK(error["code"] == 551);
  CHECK(error["error_subcode"] == 1545041);
  world.Control("POST", "/doubles/newspage:ban");
  error = json::parse(world.Post(Text()).body)["error"];
  CHECK(error["code"] == 10);
  CHECK(error["error_subcode"] == 1893063);
  world.Control("POST", "/doubles/newspage:unban");
  world.Control("POST", "/phones/MESSENGER/7001:unblock", {{"sim", "newspage"}});
  world.Control("POST", "/doubles/newspage:settings", {{"limits", {{"messages_per_second", 1}}}});
  int throttled = 0;
  for (int i = 0; i < 5; ++i) {
    const http::Response answer = world.Post(Text());
    if (answer.status != 200) throttled += json::parse(answer.body)["error"]["code"] == 613;
  }
  CHECK(throttled >= 3);
}

TEST_CASE("messenger: both ways in by link, and what people write") {
  MessengerWorld world;
  world.Control("POST", "/doubles/newspage:referral", {{"phone", kPsid}, {"ref", "abc"}});
  world.Control("POST", "/phones", {{"network", "MESSENGER"}, {"address", "7002"}});
  world.Control("POST", "/doubles/newspage:referral", {{"phone", "7002"}, {"ref", "def"}});
  std::vector<json> events = world.Events(2);
  const json* known = Find(events, "referral");
  REQUIRE(known != nullptr);
  CHECK((*known)["referral"]["ref"] == "abc");
  const json* fresh = Find(events, "postback");
  REQUIRE(fresh != nullptr);
  CHECK((*fresh)["postback"]["referral"]["ref"] == "def");

  world.Control("POST", "/phones/MESSENGER/7001:write",
                {{"to", "newspage"}, {"media", {{"kind", "IMAGE"}, {"data", "SGFsbG8="}}}});
  events = world.Events(3);
  const json* message = Find(events, "message");
  REQUIRE(message != nullptr);
  const json attachment = (*message)["message"]["attachments"][0];
  CHECK(attachment["type"] == "image");
  CHECK(world.Ask("GET", attachment["payload"]["url"]).body == "Hallo");
}

TEST_CASE("messenger: uploads") {
  MessengerWorld world;
  std::string type;
  const std::string body = http::EncodeMultipart(
      {{"message", "", "", R"({"attachment":{"type":"image","payload":{"is_reusable":true}}})"},
       {"filedata", "a.png", "image/png", "bytes"}},
      &type);
  const http::Response answer =
      world.Ask("POST", "/messenger/v25.0/555/message_attachments?access_token=PAGE", body,
                {{"Content-Type", type}});
  REQUIRE(answer.status == 200);
  json message = Text();
  message["message"] = {
      {"attachment",
       {{"type", "image"},
        {"payload", {{"attachment_id", json::parse(answer.body)["attachment_id"]}}}}}};
  CHECK(world.Post(message).status == 200);
  message["message"]["attachment"]["payload"]["attachment_id"] = "1";
  CHECK(world.Post(message).status == 400);
}

}  // namespace
}  // namespace mo::simulator
