// What comes from the double by itself: callbacks, files, groups.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tools/simulator/doubles/whatsapp.h"
#include "tools/simulator/doubles/whatsapp_test.h"

namespace mo::simulator {
namespace {

TEST_CASE("whatsapp: what phones write, with files and without a number") {
  WhatsAppWorld world;
  const auto last = [&](size_t count) {
    const auto seen = world.customer.Until([&](const auto& all) { return all.size() > count; });
    return json::parse(seen[count].body)["entry"][0]["changes"][0]["value"];
  };
  const json written = world.Control("POST", "/phones/WHATSAPP/%2B43664100:write",
                                     {{"to", "+4315550"}, {"text", "Grüße"}});
  json value = last(1);
  CHECK(value["contacts"][0]["profile"]["name"] == "Anna");
  CHECK(value["messages"][0]["from"] == "43664100");
  CHECK(value["messages"][0]["id"] == written["provider_message_id"]);
  CHECK(value["messages"][0]["text"]["body"] == "Grüße");
  // Meta escapes what is not ASCII before it signs.
  CHECK(absl::StrContains(world.customer.Seen()[1].body, "Gr\\u00fc\\u00dfe"));

  world.Control("POST", "/phones/WHATSAPP/%2B43664100:write",
                {{"to", "+4315550"},
                 {"media",
                  {{"kind", "DOCUMENT"},
                   {"data", "SGFsbG8="},
                   {"filename", "a.txt"},
                   {"mime_type", "text/plain"},
                   {"caption", "see"}}}});
  value = last(2);
  const json document = value["messages"][0]["document"];
  CHECK(document["caption"] == "see");
  CHECK(document["filename"] == "a.txt");
  const http::Headers token{{"Authorization", "Bearer EAAB"}};
  const json found = json::parse(
      world.Ask("GET", "/whatsapp/v25.0/" + document["id"].get<std::string>(), "", token).body);
  CHECK(found["file_size"] == 5);
  CHECK(world.Ask("GET", found["url"], "", token).body == "Hallo");
  CHECK(world.Ask("GET", document["url"], "", token).body == "Hallo");
  CHECK(world.Ask("GET", document["url"]).status == 401);
  std::string old = document["url"];
  old.replace(old.rfind('/') + 1, std::string::npos, "1000");  // a link of 1970
  CHECK(world.Ask("GET", old, "", token).status == 404);

  world.Control("POST", "/phones",
                {{"network", "WHATSAPP"}, {"address", "AT.12ab"}, {"name", "B"}});
  world.Control("POST", "/phones/WHATSAPP/AT.12ab:write", {{"to", "+4315550"}, {"text", "x"}});
  value = last(3);
  CHECK_FALSE(value["messages"][0].contains("from"));
  CHECK(value["messages"][0]["from_user_id"] == "AT.12ab");
  json answer = WhatsAppText("", "to a user");
  answer.erase("to");
  answer["recipient"] = "AT.12ab";
  CHECK(world.Post(answer).status == 200);
  CHECK(world.Phone("WHATSAPP", "AT.12ab")["distinct"] == 1);
}

TEST_CASE("whatsapp: uploads") {
  WhatsAppWorld world;
  const auto upload = [&](std::vector<http::Part> parts) {
    std::string type;
    std::string body = http::EncodeMultipart(parts, &type);
    return world.Ask("POST", "/whatsapp/v25.0/1065/media", body,
                     {{"Authorization", "Bearer EAAB"}, {"Content-Type", type}});
  };
  const http::Part product{"messaging_product", "", "", "whatsapp"};
  const std::string large(5 * 1024 * 1024 + 1, 'x');
  CHECK(upload({{"file", "a.png", "image/png", "x"}}).status == 400);
  CHECK(upload({product}).status == 400);
  CHECK(upload({product, {"file", "a.gif", "image/gif", "x"}}).status == 400);
  const http::Response refused = upload({product, {"file", "a.png", "image/png", large}});
  CHECK(json::parse(refused.body)["error"]["code"] == 131053);
  const http::Response answer = upload({product, {"file", "a.png", "image/png", "bytes"}});
  REQUIRE(answer.status == 200);
  const std::string id = json::parse(answer.body)["id"];
  json message = WhatsAppText(kWhatsAppPhone);
  message.erase("text");
  message["type"] = "image";
  message["image"] = {{"id", id}, {"caption", "c"}};
  CHECK(world.Post(message).status == 200);
  CHECK(world.Phone("WHATSAPP", kWhatsAppPhone)["messages"][0]["url"] == "media:" + id);
  const http::Headers token{{"Authorization", "Bearer EAAB"}};
  CHECK(world.Ask("DELETE", "/whatsapp/v25.0/" + id, "", token).status == 200);
  CHECK(json::parse(world.Post(message).body)["error"]["code"] == 131009);
}

TEST_CASE("whatsapp: groups, made by the business and written in") {
  WhatsAppWorld world;
  const http::Response made = world.Post({{"messaging_product", "whatsapp"}, {"subject", "Team"}},
                                         "/whatsapp/v25.0/1065/groups");
  REQUIRE(made.status == 200);
  const auto seen = world.customer.Until([](const auto& all) { return all.size() > 1; });
  const json change = json::parse(seen[1].body)["entry"][0]["changes"][0];
  CHECK(change["field"] == "group_lifecycle_update");
  const json group = change["value"]["groups"][0];
  CHECK(group["request_id"] == json::parse(made.body)["request_id"]);
  const std::string id = group["group_id"];
  json message = WhatsAppText(id);
  message["recipient_type"] = "group";
  CHECK(world.Post(message).status == 200);
  CHECK(world.Statuses(1)[0]["recipient_type"] == "group");
  world.Control("POST", "/phones/WHATSAPP/%2B43664100:write", {{"group", id}, {"text", "in it"}});
  world.customer.Until([&](const auto& all) {
    return absl::StrContains(all.back().body, R"("group_id":")" + id) &&
           absl::StrContains(all.back().body, "in it");
  });
}

TEST_CASE("whatsapp: a ban is told and lasts") {
  WhatsAppWorld world;
  world.Control("POST", "/doubles/%2B4315550:ban");
  CHECK(json::parse(world.Post(WhatsAppText(kWhatsAppPhone)).body)["error"]["code"] == 131031);
  const auto seen = world.customer.Until([](const auto& all) { return all.size() > 1; });
  const json change = json::parse(seen[1].body)["entry"][0]["changes"][0];
  CHECK(change["field"] == "account_update");
  CHECK(change["value"]["ban_info"]["waba_ban_state"] == "DISABLE");
  world.Control("POST", "/doubles/%2B4315550:unban");
  CHECK(world.Post(WhatsAppText(kWhatsAppPhone)).status == 200);
}

TEST_CASE("whatsapp: callbacks are repeated until they are taken") {
  WhatsAppWorld world;
  world.customer.Until([](const auto& seen) { return seen.size() == 1; });
  world.customer.FailNext(3);
  world.Post(WhatsAppText(kWhatsAppPhone));
  world.Statuses(6);
  testing::WaitFor([&] { return world.Double()["callbacks"]["waiting"] == 0; }, "all taken");
  const json callbacks = world.Double()["callbacks"];
  CHECK(callbacks["failed"] == 3);
  CHECK(callbacks["taken"] >= 1);
}

}  // namespace
}  // namespace mo::simulator
