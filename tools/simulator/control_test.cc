// The control API over real HTTP, and its parsing.
#include "tools/simulator/control.h"

#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <thread>

#include "absl/time/clock.h"
#include "libs/http/client.h"
#include "libs/http/server.h"
#include "tools/simulator/fake_gateway_test.h"

namespace mo::simulator {
namespace {

struct Api {
  Api() { REQUIRE(server.Start().ok()); }

  // Sends a request and checks its status.
  json Call(int status, const std::string& method, const std::string& path, const json& body = {}) {
    http::ClientRequest request;
    request.method = method;
    request.url = "http://127.0.0.1:" + std::to_string(server.port()) + path;
    if (!body.is_null()) request.body = body.dump();
    request.allow_private = true;
    const auto response = client.Fetch(request);
    REQUIRE(response.ok());
    INFO(method << " " << path << " " << response->body);
    CHECK(response->status == status);
    json answer = json::parse(response->body, nullptr, false);
    if (status >= 400) CHECK(answer.contains("error"));
    return answer;
  }
  json Until(const std::string& path, const std::function<bool(const json&)>& condition) {
    const absl::Time deadline = absl::Now() + absl::Seconds(10);
    while (true) {
      json answer = Call(200, "GET", path);
      if (condition(answer)) return answer;
      REQUIRE(absl::Now() < deadline);
      std::this_thread::yield();
    }
  }

  Network network{3};
  Control control{network};
  http::Server server{{}, [this](http::Request request, http::Responder responder) {
                        responder.Send(control.Handle(request));
                      }};
  http::Client client;
};

TEST_CASE("a story over HTTP") {
  FakeGateway gateway;
  Api api;
  api.Call(200, "POST", "/agents",
           {{"sim_id", "sim_1"},
            {"network", "WHATSAPP"},
            {"address", "+4930:1"},
            {"token", "tok"},
            {"gateway", gateway.address()}});
  api.Call(409, "POST", "/agents",
           {{"network", "WHATSAPP"},
            {"address", "+4930:1"},
            {"token", "tok"},
            {"gateway", gateway.address()}});
  api.Until("/agents", [](const json& a) { return a["agents"][0]["attached"] == true; });
  CHECK(api.Call(200, "POST", "/phones",
                 {{"network", "WHATSAPP"}, {"address", "49170"}, {"count", 100000}}) ==
        json{{"created", 100000}, {"existed", 0}});
  api.Call(200, "POST", "/phones",
           {{"network", "WHATSAPP"}, {"address", "+491"}, {"name", "Änne"}, {"phone", "+491"}});

  const json written =
      api.Call(200, "POST", "/phones/WHATSAPP/%2B491:write", {{"to", "+4930:1"}, {"text", "News"}});
  const std::string id = written["provider_message_id"];
  REQUIRE(gateway.Wait([&](const FakeGateway::Seen& seen) {
    return !seen.items.empty() && seen.items.back().inbound().provider_message_id() == id &&
           seen.items.back().inbound().sender_name() == "Änne";
  }));
  CHECK(
      api.Call(
             200, "POST", "/writes",
             {{"network", "WHATSAPP"},
              {"messages",
               {{{"from", "491700001"}, {"to", "+4930:1"}, {"text", "a"}},
                {{"from", "4917099999"},
                 {"to", "+4930:1"},
                 {"media", {{"kind", "VIDEO"}, {"url", "http://x/y"}}}}}}})["provider_message_ids"]
          .size() == 2);

  REQUIRE(gateway.Send("tok", TextBatch("Hallo", 1, {"+491", "491700001", "491700002"})));
  const json phone =
      api.Until("/phones/WHATSAPP/%2B491", [](const json& p) { return p["received"] == 1; });
  CHECK(phone["messages"][0]["text"] == "Hallo");
  CHECK(phone["messages"][0]["key"] == "1");
  CHECK(phone["duplicates"] == 0);
  const json stats = api.Until("/stats", [](const json& s) { return s["receipts_sent"] == 9; });
  CHECK(stats["phones"] == 100001);
  const json quick = api.Call(200, "GET", "/stats?phones=false");
  CHECK(quick["accepted"] == 3);
  CHECK_FALSE(quick.contains("phones"));
  CHECK(stats["accepted"] == 3);
  CHECK(stats["distinct"] == 3);
  CHECK(stats["inbound"] == 3);
  const json report = api.Call(200, "GET", "/report?network=WHATSAPP&prefix=49170&page_size=2");
  CHECK(report["histogram"] == json{{"0", 99998}, {"1", 2}});
  CHECK(report["phones"][1] == json{{"address", "491700001"}, {"distinct", 1}, {"duplicates", 0}});
  const std::string next = report["next_page_token"];
  CHECK(api.Call(200, "GET",
                 "/report?prefix=49170&page_size=1&page_token=" + next)["phones"][0]["address"] ==
        "491700002");
  api.Call(200, "POST", "/reset");
  CHECK(api.Call(200, "GET", "/stats")["received"] == 0);
  CHECK(api.Call(200, "GET", "/phones/WHATSAPP/%2B491")["messages"].empty());

  api.Call(200, "POST", "/agents/%2B4930%3A1:disconnect");
  api.Until("/agents", [](const json& a) { return a["agents"][0]["attaches"] == 2; });
  api.Call(200, "POST", "/agents/%2B4930%3A1:offline");
  api.Until("/agents", [](const json& a) { return a["agents"][0]["attached"] == false; });
  api.Call(200, "DELETE", "/agents/%2B4930%3A1");
  CHECK(api.Call(200, "GET", "/agents")["agents"].empty());
}

TEST_CASE("switches over HTTP") {
  Api api;
  api.Call(200, "POST", "/phones", {{"network", "TELEGRAM"}, {"address", "7"}});
  CHECK(api.Call(200, "POST", "/phones/TELEGRAM/7:offline")["online"] == false);
  CHECK(api.Call(200, "POST", "/phones/TELEGRAM/7:online")["online"] == true);
  CHECK(api.Call(200, "POST", "/phones/TELEGRAM/7:block", {{"sim", "bot"}})["blocked"] ==
        json{"bot"});
  CHECK(api.Call(200, "POST", "/phones/TELEGRAM/7:unblock", {{"sim", "bot"}})["blocked"].empty());
  api.Call(200, "POST", "/phones/TELEGRAM/7:read");
  const json own = api.Call(200, "POST", "/phones/TELEGRAM/7:settings",
                            {{"auto_receipts", {{"read", false}}}, {"receipt_delay_ms", 5}});
  CHECK(own["auto_receipts"] == json{{"sent", 1.0}, {"delivered", 1.0}, {"read", 0.0}});
  CHECK(own["receipt_delay_ms"] == json{{"sent", 5}, {"delivered", 10}, {"read", 15}});
  const json settings = api.Call(200, "POST", "/settings",
                                 {{"keep_messages", 0}, {"fault", {{"throttle_rate", 0.5}}}});
  CHECK(settings["fault"]["throttle_rate"] == 0.5);
  CHECK(settings["auto_receipts"]["read"] == 1.0);
  CHECK(api.Call(200, "GET", "/settings") == settings);
  api.Call(200, "POST", "/groups",
           {{"network", "TELEGRAM"}, {"id", "g"}, {"invite_link", "l"}, {"join", "FULL"}});
  CHECK(api.Call(200, "GET", "/groups")["groups"][0]["join"] == "FULL");
  api.Call(404, "POST", "/groups/g:add", {{"sim", "nobody"}});
}

TEST_CASE("errors are 4xx with a reason") {
  Api api;
  const auto error = [&](const json& body) {
    return api.Call(400, "POST", "/phones", body)["error"].get<std::string>();
  };
  CHECK(error({{"address", "1"}}) == "network is required");
  CHECK(error({{"network", "WHATSAPP"}}) == "address is required");
  CHECK(error({{"network", "FAX"}, {"address", "1"}}) ==
        "network must be WHATSAPP, TELEGRAM, MESSENGER or SMS");
  CHECK(error({{"network", "SMS"}, {"address", 1}}) == "address must be a string");
  CHECK(error({{"network", "SMS"}, {"address", "1"}, {"cuont", 2}}) ==
        "cuont is not a field of this request");
  CHECK(error({{"network", "SMS"}, {"address", "1"}, {"count", -2}}) ==
        "count must be an integer from 1 to 10000000");
  CHECK(error(json::array()) == "body must be a JSON object");
  CHECK(api.Call(400, "POST", "/settings", {{"fault", {{"throttle_rate", 2}}}})["error"] ==
        "fault.throttle_rate must be a number from 0 to 1");
  api.Call(404, "GET", "/phones/SMS/1");
  api.Call(400, "GET", "/phones/FAX/1");
  api.Call(404, "GET", "/nothing");
  api.Call(404, "POST", "/phones/SMS/1:fly");
  api.Call(405, "DELETE", "/stats");
  api.Call(404, "POST", "/agents/x:ban");
  api.Call(400, "GET", "/report?page_size=x");
  api.Call(200, "POST", "/phones", {{"network", "SMS"}, {"address", "1"}});
  CHECK(api.Call(400, "POST", "/phones/SMS/1:write", {{"to", "2"}})["error"] ==
        "text, location, media or unsupported: exactly one is required");
  CHECK(api.Call(404, "POST", "/phones/SMS/1:write", {{"to", "2"}, {"text", "x"}})["error"] ==
        "no agent 2 in NETWORK_SMS");
  http::Request broken;
  broken.method = "POST";
  broken.path = "/phones";
  broken.body = "{";
  CHECK(api.control.Handle(broken).status == 400);
}

}  // namespace
}  // namespace mo::simulator
