#include "tools/simulator/doubles/whatsapp.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tools/simulator/doubles/double_test.h"

namespace mo::simulator {
namespace {

constexpr const char* kPhone = "+43664100";

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
    Control("POST", "/phones", {{"network", "WHATSAPP"}, {"address", kPhone}, {"name", "Anna"}});
    Control("POST", "/doubles/%2B4315550:window", {{"phone", kPhone}, {"hours_ago", 1}});
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

json Text(const std::string& to, const std::string& body = "Hallo",
          const std::string& tag = "mo:7") {
  return {{"messaging_product", "whatsapp"},
          {"recipient_type", "individual"},
          {"to", to},
          {"type", "text"},
          {"text", {{"body", body}}},
          {"biz_opaque_callback_data", tag}};
}

json Template(const json& components, const std::string& name = "order") {
  return {
      {"messaging_product", "whatsapp"},
      {"to", kPhone},
      {"type", "template"},
      {"template", {{"name", name}, {"language", {{"code", "de"}}}, {"components", components}}}};
}

json Body(const std::string& text) {
  return json::array(
      {{{"type", "body"}, {"parameters", json::array({{{"type", "text"}, {"text", text}}})}}});
}

TEST_CASE("whatsapp: a message arrives and all its statuses carry our key, signed") {
  WhatsAppWorld world;
  const http::Response answer = world.Post(Text("+43 (664) 100"));
  INFO(answer.body);
  REQUIRE(answer.status == 200);
  const json taken = json::parse(answer.body);
  CHECK(taken["contacts"][0]["input"] == "+43 (664) 100");
  CHECK(taken["contacts"][0]["wa_id"] == "43664100");
  const std::string id = taken["messages"][0]["id"];
  CHECK(absl::StartsWith(id, "wamid."));

  const std::vector<json> statuses = world.Statuses(3);
  REQUIRE(statuses.size() == 3);
  const std::vector<std::string> expected{"sent", "delivered", "read"};
  for (size_t i = 0; i < 3; ++i) {
    CHECK(statuses[i]["id"] == id);
    CHECK(statuses[i]["status"] == expected[i]);
    CHECK(statuses[i]["recipient_id"] == "43664100");
    CHECK(statuses[i]["biz_opaque_callback_data"] == "mo:7");
  }
  const auto seen = world.customer.Seen();
  // First Meta makes sure whose URL it is.
  CHECK(absl::StrContains(seen[0].query, "hub.mode=subscribe"));
  CHECK(absl::StrContains(seen[0].query, "hub.verify_token=verify"));
  CHECK(seen[1].headers.Get("X-Hub-Signature-256") ==
        "sha256=" + HmacSha256("secret", seen[1].body));
  const json envelope = json::parse(seen[1].body);
  CHECK(envelope["object"] == "whatsapp_business_account");
  CHECK(envelope["entry"][0]["id"] == "77");
  CHECK(envelope["entry"][0]["changes"][0]["value"]["metadata"]["phone_number_id"] == "1065");

  const json phone = world.Phone("WHATSAPP", kPhone);
  CHECK(phone["distinct"] == 1);
  CHECK(phone["messages"][0]["key"] == "7");
  CHECK(phone["messages"][0]["text"] == "Hallo");
  CHECK(world.Double()["open"] == 0);
}

TEST_CASE("whatsapp: the signature of PROTOCOLS.md's vectors") {
  CHECK(HmacSha256("app-secret-1", R"({"object":"whatsapp_business_account","entry":[]})") ==
        "0ca28c0f1996234eb6829e59ad3c11a18161f6eb043943d601e420c312432cdf");
}

TEST_CASE("whatsapp: a key that comes twice is a duplicate, a caption after its sound is not") {
  WhatsAppWorld world;
  world.Post(Text(kPhone));
  world.Post(Text(kPhone));
  CHECK(world.Phone("WHATSAPP", kPhone)["duplicates"] == 1);
  json sound = Text(kPhone, "", "mo:8");
  sound.erase("text");
  sound["type"] = "audio";
  sound["audio"] = {{"link", "https://example.com/a.ogg"}};
  CHECK(world.Post(sound).status == 200);
  CHECK(world.Post(Text(kPhone, "the caption", "mo:8")).status == 200);
  CHECK(world.Phone("WHATSAPP", kPhone)["duplicates"] == 1);
  CHECK(world.Phone("WHATSAPP", kPhone)["distinct"] == 3);
}

struct Refusal {
  const char* name;
  json body;
  int status;
  int code;
};

TEST_CASE("whatsapp: refuses what Meta refuses") {
  WhatsAppWorld world;
  const auto without = [](json body, const char* key) {
    body.erase(key);
    return body;
  };
  const auto with = [](json body, const char* key, json value) {
    body[key] = std::move(value);
    return body;
  };
  const json buttons{
      {"type", "button"},
      {"body", {{"text", "?"}}},
      {"action",
       {{"buttons", json::array({{{"type", "reply"},
                                  {"reply", {{"id", "1"}, {"title", std::string(21, 'x')}}}}})}}}};
  const std::vector<Refusal> cases{
      {"no product", without(Text(kPhone), "messaging_product"), 400, 100},
      {"no recipient", without(Text(kPhone), "to"), 400, 131008},
      {"no text", without(Text(kPhone), "text"), 400, 131008},
      {"empty text", Text(kPhone, ""), 400, 131008},
      {"text too long", Text(kPhone, std::string(4097, 'x')), 400, 100},
      {"text no string", with(Text(kPhone), "text", {{"body", 5}}), 400, 100},
      {"recipient no string", with(Text(kPhone), "to", 43664100), 400, 100},
      {"unknown member", with(Text(kPhone), "txt", 1), 400, 100},
      {"unknown member inside", with(Text(kPhone), "text", {{"body", "x"}, {"url", true}}), 400,
       100},
      {"unknown type", with(Text(kPhone), "type", "fax"), 400, 100},
      {"key too long", Text(kPhone, "x", std::string(513, 'k')), 400, 100},
      {"letters as number", Text("anna"), 400, 131009},
      {"nobody's number", Text("+4399999999"), 400, 131026},
      {"itself", Text("+4315550"), 400, 131021},
      {"unknown user", with(without(Text(kPhone), "to"), "recipient", "AT.1"), 400, 131026},
      {"unknown media id",
       with(with(without(Text(kPhone), "text"), "type", "image"), "image", {{"id", "1"}}), 400,
       131009},
      {"audio with caption",
       with(with(without(Text(kPhone), "text"), "type", "audio"), "audio",
            {{"link", "https://x"}, {"caption", "c"}}),
       400, 100},
      {"latitude",
       with(with(without(Text(kPhone), "text"), "type", "location"), "location",
            {{"latitude", "91"}, {"longitude", "1"}}),
       400, 131009},
      {"button title too long",
       with(with(without(Text(kPhone), "text"), "type", "interactive"), "interactive", buttons),
       400, 100},
      {"unknown template", Template(Body("x"), "nope"), 404, 132001},
      {"paused template", Template(json::array(), "paused"), 400, 132015},
      {"parameter missing", Template(json::array()), 400, 132000},
      {"not a group", with(Text("G1"), "recipient_type", "group"), 400, 131041},
  };
  for (const Refusal& refusal : cases) {
    const http::Response answer = world.Post(refusal.body);
    INFO(refusal.name << ": " << answer.body);
    CHECK(answer.status == refusal.status);
    const json error = json::parse(answer.body)["error"];
    CHECK(error["code"] == refusal.code);
    CHECK(error["type"] == "OAuthException");
    CHECK(error["error_data"]["messaging_product"] == "whatsapp");
  }
  CHECK(world.Phone("WHATSAPP", kPhone)["received"] == 0);
  CHECK(world.Double()["refused"] == cases.size());
}

TEST_CASE("whatsapp: tokens and paths") {
  WhatsAppWorld world;
  const std::string path = "/whatsapp/v25.0/1065/messages";
  const auto send = [&](const std::string& token, const std::string& where) {
    return world.Ask("POST", where, Text(kPhone).dump(),
                     {{"Authorization", token}, {"Content-Type", "application/json"}});
  };
  CHECK(send("Bearer other", path).status == 401);
  CHECK(json::parse(send("Bearer other", "/whatsapp/v25.0/9/messages").body)["error"]["code"] ==
        190);
  CHECK(json::parse(
            send("Bearer EAAB", "/whatsapp/v25.0/9/messages").body)["error"]["error_subcode"] ==
        33);
  CHECK(send("Bearer EAAB", "/whatsapp/25/1065/messages").status == 400);
  world.Control("POST", "/doubles/%2B4315550:expire-token");
  const json expired = json::parse(send("Bearer EAAB", path).body)["error"];
  CHECK(expired["code"] == 190);
  CHECK(expired["error_subcode"] == 463);
  world.Control("POST", "/doubles/%2B4315550:token", {{"token", "NEW"}});
  CHECK(send("Bearer EAAB", path).status == 401);
  CHECK(send("Bearer NEW", path).status == 200);
}

TEST_CASE(
    "whatsapp: outside of the window only templates, and marketing only to those who want it") {
  WhatsAppWorld world;
  world.Control("POST", "/doubles/%2B4315550:window", {{"phone", kPhone}, {"hours_ago", 24.1}});
  CHECK(json::parse(world.Post(Text(kPhone)).body)["error"]["code"] == 131047);
  const http::Response taken = world.Post(Template(Body("Anna")));
  CHECK(taken.status == 200);
  CHECK(json::parse(taken.body)["messages"][0]["message_status"] == "accepted");
  CHECK(world.Phone("WHATSAPP", kPhone)["messages"][0]["text"] == "order de: Anna");
  world.Control("POST", "/doubles/%2B4315550:preferences", {{"phone", kPhone}, {"stop", true}});
  CHECK(json::parse(world.Post(Template(Body("Anna"))).body)["error"]["code"] == 131050);
  CHECK(world.Post(Template(json::array(), "code")).status == 200);
  // Anything may be answered to a message.
  world.Control("POST", "/phones/WHATSAPP/%2B43664100:write", {{"to", "+4315550"}, {"text", "?"}});
  CHECK(world.Post(Text(kPhone)).status == 200);

  world.Control("POST", "/doubles/%2B4315550:settings", {{"late_errors", true}});
  world.Control("POST", "/doubles/%2B4315550:window", {{"phone", kPhone}, {"hours_ago", 25}});
  CHECK(world.Post(Text(kPhone, "late", "mo:99")).status == 200);
  const auto failed = [](const json& status) { return status["status"] == "failed"; };
  const std::vector<json> statuses = world.Statuses(10);
  const auto found = std::find_if(statuses.begin(), statuses.end(), failed);
  REQUIRE(found != statuses.end());
  CHECK((*found)["errors"][0]["code"] == 131047);
  CHECK((*found)["biz_opaque_callback_data"] == "mo:99");
}

TEST_CASE("whatsapp: limits of the number and of a pair") {
  const json limits{{"limits", {{"pair_interval_ms", 60000}, {"pair_burst", 3}}}};
  WhatsAppWorld world(limits);
  for (int i = 0; i < 3; ++i) CHECK(world.Post(Text(kPhone)).status == 200);
  CHECK(json::parse(world.Post(Text(kPhone)).body)["error"]["code"] == 131056);
  world.Control("POST", "/doubles/%2B4315550:settings",
                {{"limits", {{"pair_interval_ms", 0}, {"messages_per_second", 1}}}});
  int refused = 0;
  for (int i = 0; i < 5; ++i) {
    const http::Response answer = world.Post(Text(kPhone));
    if (answer.status != 200) {
      ++refused;
      CHECK(json::parse(answer.body)["error"]["code"] == 130429);
    }
  }
  CHECK(refused >= 3);
}

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
  json answer = Text("", "to a user");
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
  json message = Text(kPhone);
  message.erase("text");
  message["type"] = "image";
  message["image"] = {{"id", id}, {"caption", "c"}};
  CHECK(world.Post(message).status == 200);
  CHECK(world.Phone("WHATSAPP", kPhone)["messages"][0]["url"] == "media:" + id);
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
  json message = Text(id);
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
  CHECK(json::parse(world.Post(Text(kPhone)).body)["error"]["code"] == 131031);
  const auto seen = world.customer.Until([](const auto& all) { return all.size() > 1; });
  const json change = json::parse(seen[1].body)["entry"][0]["changes"][0];
  CHECK(change["field"] == "account_update");
  CHECK(change["value"]["ban_info"]["waba_ban_state"] == "DISABLE");
  world.Control("POST", "/doubles/%2B4315550:unban");
  CHECK(world.Post(Text(kPhone)).status == 200);
}

TEST_CASE("whatsapp: callbacks are repeated until they are taken") {
  WhatsAppWorld world;
  world.customer.Until([](const auto& seen) { return seen.size() == 1; });
  world.customer.FailNext(3);
  world.Post(Text(kPhone));
  world.Statuses(6);
  testing::WaitFor([&] { return world.Double()["callbacks"]["waiting"] == 0; }, "all taken");
  const json callbacks = world.Double()["callbacks"];
  CHECK(callbacks["failed"] == 3);
  CHECK(callbacks["taken"] >= 1);
}

}  // namespace
}  // namespace mo::simulator
