#include "tools/simulator/doubles/telegram.h"

#include <future>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tools/simulator/doubles/double_test.h"

namespace mo::simulator {
namespace {

constexpr const char* kToken = "123456:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1";

// A bot, and a chat that has been started unless that is not wanted.
struct TelegramWorld : DoubleWorld {
  explicit TelegramWorld(bool started = true, json more = json::object()) {
    json spec{{"driver", "telegram"},
              {"address", "@news_bot"},
              {"token", kToken},
              {"callback_retry_ms", 5}};
    spec.update(more);
    Control("POST", "/doubles", spec);
    Control("POST", "/phones", {{"network", "TELEGRAM"}, {"address", "4711"}, {"name", "Anna"}});
    if (!started) return;
    Control("POST", "/phones/TELEGRAM/4711:write", {{"to", "@news_bot"}, {"text", "/start abc"}});
  }

  // A method with JSON; checks the status, returns the whole answer.
  json Call(int status, const std::string& method, const json& body = json::object()) {
    const http::Response response = Ask("POST", absl::StrCat("/telegram/bot", kToken, "/", method),
                                        body.dump(), {{"Content-Type", "application/json"}});
    INFO(method << " " << body << ": " << response.body);
    CHECK(response.status == status);
    const json answer = json::parse(response.body);
    CHECK(answer["ok"] == (status == 200));
    if (status != 200) CHECK(answer["error_code"] == status);
    return answer;
  }
  json Updates(const json& body = json::object()) {
    return Call(200, "getUpdates", body)["result"];
  }
  std::string Why(int status, const std::string& method, const json& body) {
    return Call(status, method, body)["description"];
  }
  void Group(const std::string& id) {
    Control("POST", "/groups", {{"network", "TELEGRAM"}, {"id", id}, {"name", "Team"}});
    Control("POST", "/groups/" + id + ":add", {{"sim", "@news_bot"}});
  }

  Customer customer;
};

TEST_CASE("telegram: text in, text out") {
  TelegramWorld world;
  const json updates = world.Updates();
  REQUIRE(updates.size() == 1);
  const json message = updates[0]["message"];
  CHECK(message["text"] == "/start abc");
  CHECK(message["chat"]["id"] == 4711);
  CHECK(message["chat"]["type"] == "private");
  CHECK(message["from"]["first_name"] == "Anna");
  CHECK(message["entities"][0]["length"] == 6);
  // Once more until the next offset confirms it.
  CHECK(world.Updates().size() == 1);
  CHECK(world.Updates({{"offset", updates[0]["update_id"].get<int64_t>() + 1}}).empty());

  const json sent =
      world.Call(200, "sendMessage", {{"chat_id", 4711}, {"text", "Grüße"}})["result"];
  CHECK(sent["chat"]["id"] == 4711);
  CHECK(sent["text"] == "Grüße");
  CHECK(sent["message_id"].is_number());
  const json phone = world.Phone("TELEGRAM", "4711");
  CHECK(phone["distinct"] == 1);
  CHECK(phone["messages"][0]["text"] == "Grüße");
  const json me = world.Call(200, "getMe")["result"];
  CHECK(me["id"] == 123456);
  CHECK(me["username"] == "news_bot");
}

TEST_CASE("telegram: parameters come as query, form or multipart, too") {
  TelegramWorld world;
  const std::string base = absl::StrCat("/telegram/bot", kToken, "/");
  CHECK(world.Ask("GET", base + "sendMessage?chat_id=4711&text=one+two").status == 200);
  CHECK(world
            .Ask("POST", base + "SENDMESSAGE", "chat_id=4711&text=form",
                 {{"Content-Type", "application/x-www-form-urlencoded"}})
            .status == 200);
  std::string type;
  const std::string body = http::EncodeMultipart({{"chat_id", "", "", "4711"},
                                                  {"caption", "", "", "see"},
                                                  {"photo", "a.png", "image/png", "bytes"}},
                                                 &type);
  const http::Response photo =
      world.Ask("POST", base + "sendPhoto", body, {{"Content-Type", type}});
  REQUIRE(photo.status == 200);
  const json sizes = json::parse(photo.body)["result"]["photo"];
  REQUIRE(sizes.size() == 3);
  // The same file again by its id, and downloaded.
  const std::string id = sizes[2]["file_id"];
  world.Call(200, "sendPhoto", {{"chat_id", 4711}, {"photo", id}});
  const json file = world.Call(200, "getFile", {{"file_id", id}})["result"];
  CHECK(file["file_size"] == 5);
  CHECK(world
            .Ask("GET", absl::StrCat("/telegram/file/bot", kToken, "/",
                                     file["file_path"].get<std::string>()))
            .body == "bytes");
  CHECK(world.Ask("GET", absl::StrCat("/telegram/file/bot", kToken, "/files/none.png")).status ==
        404);
  const json phone = world.Phone("TELEGRAM", "4711");
  CHECK(phone["distinct"] == 4);
  CHECK(phone["messages"][0]["text"] == "one two");
  CHECK(phone["messages"][2]["text"] == "see");
}

TEST_CASE("telegram: refuses what Telegram refuses") {
  TelegramWorld world;
  const std::string long_text(4097, 'x');
  struct Case {
    const char* method;
    json body;
    int status;
    const char* description;
  };
  const std::vector<Case> cases{
      {"sendMessage", {{"text", "x"}}, 400, "Bad Request: chat_id is empty"},
      {"sendMessage", {{"chat_id", 4711}}, 400, "Bad Request: message text is empty"},
      {"sendMessage",
       {{"chat_id", 4711}, {"text", " "}},
       400,
       "Bad Request: message text is empty"},
      {"sendMessage",
       {{"chat_id", 4711}, {"text", long_text}},
       400,
       "Bad Request: message is too long"},
      {"sendMessage", {{"chat_id", 99}, {"text", "x"}}, 400, "Bad Request: chat not found"},
      {"sendMessage",
       {{"chat_id", 4711}, {"text", "5_a"}, {"parse_mode", "Markdown"}},
       400,
       "Bad Request: can't parse entities: Can't find end of the entity starting at byte offset 1"},
      {"sendMessage",
       {{"chat_id", 4711}, {"text", "1 < 2"}, {"parse_mode", "HTML"}},
       400,
       "Bad Request: can't parse entities: Can't find end of the entity starting at byte offset 2"},
      {"sendMessage",
       {{"chat_id", 4711}, {"text", "x"}, {"parse_mode", "BBCode"}},
       400,
       "Bad Request: unsupported parse_mode"},
      {"sendMessage",
       {{"chat_id", 4711}, {"text", "x"}, {"reply_markup", "{"}},
       400,
       "Bad Request: can't parse reply_markup JSON object"},
      {"sendPhoto", {{"chat_id", 4711}}, 400, "Bad Request: there is no photo in the request"},
      {"sendPhoto",
       {{"chat_id", 4711}, {"photo", "nonsense"}},
       400,
       "Bad Request: wrong file identifier/HTTP URL specified"},
      {"sendAudio",
       {{"chat_id", 4711}, {"audio", "https://x/a.mp3"}, {"caption", std::string(1025, 'x')}},
       400,
       "Bad Request: message caption is too long"},
      {"sendLocation",
       {{"chat_id", 4711}, {"latitude", 1}},
       400,
       "Bad Request: longitude is empty"},
      {"sendMediaGroup",
       {{"chat_id", 4711}, {"media", json::array()}},
       400,
       "Bad Request: wrong number of messages in the media group: 2-10 expected"},
      {"getFile", {{"file_id", "x"}}, 400, "Bad Request: invalid file_id"},
      {"sendFax", {{"chat_id", 4711}}, 404, "Not Found: method not found"},
  };
  for (const Case& one : cases)
    CHECK(world.Why(one.status, one.method, one.body) == one.description);
  CHECK(world.Phone("TELEGRAM", "4711")["received"] == 0);

  CHECK(world.Ask("GET", "/telegram/bot999:x/getMe").status == 401);
  CHECK(world.Ask("GET", "/telegram/bot123456:wrong/getMe").status == 401);
  CHECK(world.Ask("GET", "/telegram/botnonsense/getMe").status == 404);
  world.Control("POST", "/doubles/@news_bot:ban");
  CHECK(world.Why(401, "getMe", {}) == "Unauthorized");
}

TEST_CASE("telegram: a bot cannot write first, nor to whom has blocked it") {
  TelegramWorld world(/*started=*/false);
  const json message{{"chat_id", "4711"}, {"text", "x"}};
  CHECK(world.Why(403, "sendMessage", message) ==
        "Forbidden: bot can't initiate conversation with a user");
  world.Control("POST", "/phones/TELEGRAM/4711:write", {{"to", "@news_bot"}, {"text", "/start"}});
  world.Call(200, "sendMessage", message);
  world.Control("POST", "/phones/TELEGRAM/4711:block", {{"sim", "@news_bot"}});
  CHECK(world.Why(403, "sendMessage", message) == "Forbidden: bot was blocked by the user");
  const json updates = world.Updates();
  REQUIRE(updates.size() == 2);
  CHECK(updates[1]["my_chat_member"]["new_chat_member"]["status"] == "kicked");
  CHECK(updates[1]["my_chat_member"]["chat"]["id"] == 4711);
  world.Control("POST", "/phones/TELEGRAM/4711:unblock", {{"sim", "@news_bot"}});
  CHECK(world.Updates()[2]["my_chat_member"]["new_chat_member"]["status"] == "member");
  world.Call(200, "sendMessage", message);
}

TEST_CASE("telegram: limits with retry_after") {
  TelegramWorld world(true, {{"limits", {{"pair_burst", 2}, {"pair_interval_ms", 60000}}}});
  for (int i = 0; i < 2; ++i) world.Call(200, "sendMessage", {{"chat_id", 4711}, {"text", "x"}});
  const json refused = world.Call(429, "sendMessage", {{"chat_id", 4711}, {"text", "x"}});
  CHECK(refused["parameters"]["retry_after"] == 60);
  CHECK(refused["description"] == "Too Many Requests: retry after 60");
}

TEST_CASE("telegram: the webhook, with its secret, repeated until it is taken") {
  TelegramWorld world;
  CHECK(world.Why(400, "setWebhook", {{"url", "http://example.com/x"}}) ==
        "Bad Request: bad webhook: An HTTPS URL must be provided for webhook");
  CHECK(world.Why(400, "setWebhook", {{"url", "https://example.com:444/x"}}) ==
        "Bad Request: bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443");
  CHECK(world.Why(400, "setWebhook", {{"url", world.customer.url()}, {"secret_token", "a b"}}) ==
        "Bad Request: secret token contains unallowed characters");
  world.customer.FailNext(2);
  CHECK(world.Why(200, "setWebhook", {{"url", world.customer.url()}, {"secret_token", "s_1"}}) ==
        "Webhook was set");
  CHECK(
      world.Call(409, "getUpdates")["description"] ==
      "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete "
      "the webhook first");
  const auto seen = world.customer.Until([](const auto& all) { return all.size() == 3; });
  CHECK(seen[0].body == seen[2].body);
  CHECK(seen[2].headers.Get("X-Telegram-Bot-Api-Secret-Token") == "s_1");
  CHECK(json::parse(seen[2].body)["message"]["text"] == "/start abc");
  const auto pending = [&] { return world.Call(200, "getWebhookInfo")["result"]; };
  testing::WaitFor([&] { return pending()["pending_update_count"] == 0; }, "taken");
  CHECK(pending()["url"] == world.customer.url());
  CHECK(pending()["last_error_message"] == "Wrong response from the webhook: 500");
  world.Call(200, "deleteWebhook");
  world.Control("POST", "/phones/TELEGRAM/4711:write", {{"to", "@news_bot"}, {"text", "next"}});
  CHECK(world.Updates()[0]["message"]["text"] == "next");
}

TEST_CASE("telegram: a poll waits for what is written; a second one ends it") {
  TelegramWorld world;
  const int64_t next = world.Updates()[0]["update_id"].get<int64_t>() + 1;
  http::Client other;
  const auto poll = [&] {
    http::ClientRequest request;
    request.url = absl::StrCat(world.origin(), "/telegram/bot", kToken,
                               "/getUpdates?timeout=50&offset=", next);
    request.timeout = absl::Seconds(60);
    request.allow_private = true;
    return other.Fetch(request);
  };
  auto first = std::async(std::launch::async, poll);
  const auto calls = [&] { return world.Control("GET", "/doubles")["doubles"][0]["calls"]; };
  testing::WaitFor([&] { return calls() == 2; }, "the first poll");
  auto second = std::async(std::launch::async, poll);
  const auto ended = first.get();
  REQUIRE(ended.ok());
  CHECK(ended->status == 409);
  CHECK(absl::StrContains(ended->body, "terminated by other getUpdates request"));
  world.Control("POST", "/phones/TELEGRAM/4711:write", {{"to", "@news_bot"}, {"text", "now"}});
  const auto told = second.get();
  REQUIRE(told.ok());
  CHECK(json::parse(told->body)["result"][0]["message"]["text"] == "now");
}

TEST_CASE("telegram: groups, passive joining and migration") {
  TelegramWorld world;
  world.Group("-500");
  json updates = world.Updates();
  CHECK(updates[1]["my_chat_member"]["new_chat_member"]["status"] == "member");
  CHECK(updates[1]["my_chat_member"]["chat"]["type"] == "group");
  world.Control("POST", "/phones/TELEGRAM/4711:write", {{"group", "-500"}, {"text", "in it"}});
  CHECK(world.Updates()[2]["message"]["chat"]["id"] == -500);
  world.Call(200, "sendMessage", {{"chat_id", -500}, {"text", "x"}});

  world.Control("POST", "/doubles/@news_bot:migrate", {{"phone", "-500"}, {"to", "-1007"}});
  const json moved = world.Call(400, "sendMessage", {{"chat_id", -500}, {"text", "x"}});
  CHECK(moved["description"] == "Bad Request: group chat was upgraded to a supergroup chat");
  CHECK(moved["parameters"]["migrate_to_chat_id"] == -1007);
  world.Call(200, "sendMessage", {{"chat_id", -1007}, {"text", "x"}});
  updates = world.Updates();
  CHECK(updates[3]["message"]["migrate_to_chat_id"] == -1007);
  CHECK(updates[4]["message"]["migrate_from_chat_id"] == -500);

  world.Control("POST", "/groups/-1007:remove", {{"sim", "@news_bot"}});
  CHECK(world.Why(403, "sendMessage", {{"chat_id", -1007}, {"text", "x"}}) ==
        "Forbidden: bot was kicked from the supergroup chat");
}

TEST_CASE("telegram: files of phones are fetched by their id") {
  TelegramWorld world;
  world.Control("POST", "/phones/TELEGRAM/4711:write",
                {{"to", "@news_bot"},
                 {"media", {{"kind", "IMAGE"}, {"data", "SGFsbG8="}, {"caption", "see"}}}});
  const json message = world.Updates()[1]["message"];
  CHECK(message["caption"] == "see");
  const json file =
      world.Call(200, "getFile", {{"file_id", message["photo"].back()["file_id"]}})["result"];
  CHECK(world
            .Ask("GET", absl::StrCat("/telegram/file/bot", kToken, "/",
                                     file["file_path"].get<std::string>()))
            .body == "Hallo");
}

}  // namespace
}  // namespace mo::simulator
