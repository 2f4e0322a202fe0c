#include "tools/simulator/doubles/whatsapp.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tools/simulator/doubles/whatsapp_test.h"

namespace mo::simulator {
namespace {

json Template(const json& components, const std::string& name = "order") {
  return {
      {"messaging_product", "whatsapp"},
      {"to", kWhatsAppPhone},
      {"type", "template"},
      {"template", {{"name", name}, {"language", {{"code", "de"}}}, {"components", components}}}};
}

json Body(const std::string& text) {
  return json::array(
      {{{"type", "body"}, {"parameters", json::array({{{"type", "text"}, {"text", text}}})}}});
}

TEST_CASE("whatsapp: a message arrives and all its statuses carry our key, signed") {
  WhatsAppWorld world;
  const http::Response answer = world.Post(WhatsAppText("+43 (664) 100"));
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

  const json phone = world.Phone("WHATSAPP", kWhatsAppPhone);
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
  world.Post(WhatsAppText(kWhatsAppPhone));
  world.Post(WhatsAppText(kWhatsAppPhone));
  CHECK(world.Phone("WHATSAPP", kWhatsAppPhone)["duplicates"] == 1);
  json sound = WhatsAppText(kWhatsAppPhone, "", "mo:8");
  sound.erase("text");
  sound["type"] = "audio";
  sound["audio"] = {{"link", "https://example.com/a.ogg"}};
  CHECK(world.Post(sound).status == 200);
  CHECK(world.Post(WhatsAppText(kWhatsAppPhone, "the caption", "mo:8")).status == 200);
  CHECK(world.Phone("WHATSAPP", kWhatsAppPhone)["duplicates"] == 1);
  CHECK(world.Phone("WHATSAPP", kWhatsAppPhone)["distinct"] == 3);
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
      {"no product", without(WhatsAppText(kWhatsAppPhone), "messaging_product"), 400, 100},
      {"no recipient", without(WhatsAppText(kWhatsAppPhone), "to"), 400, 131008},
      {"no text", without(WhatsAppText(kWhatsAppPhone), "text"), 400, 131008},
      {"empty text", WhatsAppText(kWhatsAppPhone, ""), 400, 131008},
      {"text too long", WhatsAppText(kWhatsAppPhone, std::string(4097, 'x')), 400, 100},
      {"text no string", with(WhatsAppText(kWhatsAppPhone), "text", {{"body", 5}}), 400, 100},
      {"recipient no string", with(WhatsAppText(kWhatsAppPhone), "to", 43664100), 400, 100},
      {"unknown member", with(WhatsAppText(kWhatsAppPhone), "txt", 1), 400, 100},
      {"unknown member inside",
       with(WhatsAppText(kWhatsAppPhone), "text", {{"body", "x"}, {"url", true}}), 400, 100},
      {"unknown type", with(WhatsAppText(kWhatsAppPhone), "type", "fax"), 400, 100},
      {"key too long", WhatsAppText(kWhatsAppPhone, "x", std::string(513, 'k')), 400, 100},
      {"letters as number", WhatsAppText("anna"), 400, 131009},
      {"nobody's number", WhatsAppText("+4399999999"), 400, 131026},
      {"itself", WhatsAppText("+4315550"), 400, 131021},
      {"unknown user", with(without(WhatsAppText(kWhatsAppPhone), "to"), "recipient", "AT.1"), 400,
       131026},
      {"unknown media id",
       with(with(without(WhatsAppText(kWhatsAppPhone), "text"), "type", "image"), "image",
            {{"id", "1"}}),
       400, 131009},
      {"audio with caption",
       with(with(without(WhatsAppText(kWhatsAppPhone), "text"), "type", "audio"), "audio",
            {{"link", "https://x"}, {"caption", "c"}}),
       400, 100},
      {"latitude",
       with(with(without(WhatsAppText(kWhatsAppPhone), "text"), "type", "location"), "location",
            {{"latitude", "91"}, {"longitude", "1"}}),
       400, 131009},
      {"button title too long",
       with(with(without(WhatsAppText(kWhatsAppPhone), "text"), "type", "interactive"),
            "interactive", buttons),
       400, 100},
      {"unknown template", Template(Body("x"), "nope"), 404, 132001},
      {"paused template", Template(json::array(), "paused"), 400, 132015},
      {"parameter missing", Template(json::array()), 400, 132000},
      {"not a group", with(WhatsAppText("G1"), "recipient_type", "group"), 400, 131041},
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
  CHECK(world.Phone("WHATSAPP", kWhatsAppPhone)["received"] == 0);
  CHECK(world.Double()["refused"] == cases.size());
}

TEST_CASE("whatsapp: tokens and paths") {
  WhatsAppWorld world;
  const std::string path = "/whatsapp/v25.0/1065/messages";
  const auto send = [&](const std::string& token, const std::string& where) {
    return world.Ask("POST", where, WhatsAppText(kWhatsAppPhone).dump(),
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
  world.Control("POST", "/doubles/%2B4315550:window",
                {{"phone", kWhatsAppPhone}, {"hours_ago", 24.1}});
  CHECK(json::parse(world.Post(WhatsAppText(kWhatsAppPhone)).body)["error"]["code"] == 131047);
  const http::Response taken = world.Post(Template(Body("Anna")));
  CHECK(taken.status == 200);
  CHECK(json::parse(taken.body)["messages"][0]["message_status"] == "accepted");
  CHECK(world.Phone("WHATSAPP", kWhatsAppPhone)["messages"][0]["text"] == "order de: Anna");
  world.Control("POST", "/doubles/%2B4315550:preferences",
                {{"phone", kWhatsAppPhone}, {"stop", true}});
  CHECK(json::parse(world.Post(Template(Body("Anna"))).body)["error"]["code"] == 131050);
  CHECK(world.Post(Template(json::array(), "code")).status == 200);
  // Anything may be answered to a message.
  world.Control("POST", "/phones/WHATSAPP/%2B43664100:write", {{"to", "+4315550"}, {"text", "?"}});
  CHECK(world.Post(WhatsAppText(kWhatsAppPhone)).status == 200);

  world.Control("POST", "/doubles/%2B4315550:settings", {{"late_errors", true}});
  world.Control("POST", "/doubles/%2B4315550:window",
                {{"phone", kWhatsAppPhone}, {"hours_ago", 25}});
  CHECK(world.Post(WhatsAppText(kWhatsAppPhone, "late", "mo:99")).status == 200);
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
  for (int i = 0; i < 3; ++i) CHECK(world.Post(WhatsAppText(kWhatsAppPhone)).status == 200);
  CHECK(json::parse(world.Post(WhatsAppText(kWhatsAppPhone)).body)["error"]["code"] == 131056);
  world.Control("POST", "/doubles/%2B4315550:settings",
                {{"limits", {{"pair_interval_ms", 0}, {"messages_per_second", 1}}}});
  int refused = 0;
  for (int i = 0; i < 5; ++i) {
    const http::Response answer = world.Post(WhatsAppText(kWhatsAppPhone));
    if (answer.status != 200) {
      ++refused;
      CHECK(json::parse(answer.body)["error"]["code"] == 130429);
    }
  }
  CHECK(refused >= 3);
}

}  // namespace
}  // namespace mo::simulator
