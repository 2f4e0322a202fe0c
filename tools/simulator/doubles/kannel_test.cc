#include "tools/simulator/doubles/kannel.h"

#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tools/simulator/doubles/double_test.h"

namespace mo::simulator {
namespace {

using Values = std::map<std::string, std::string>;

struct KannelWorld : DoubleWorld {
  KannelWorld() {
    Control(
        "POST", "/doubles",
        {{"driver", "sms_kannel"},
         {"address", "+4366000"},
         {"sender_id", "user"},
         {"token", "pass"},
         {"callback_url", customer.url("/mo?token=t&id=%I&sender=%p&receiver=%P&ts=%T&coding=%c&"
                                       "charset=%C&message=%b")},
         {"callback_retry_ms", 5}});
    Control("POST", "/phones", {{"network", "SMS"}, {"address", "+43664100"}});
  }
  // sendsms with these parameters on top of good ones; empty: left out.
  http::Response Send(const Values& changes, const std::string& method = "GET") {
    Values values{{"username", "user"}, {"password", "pass"}, {"from", "+4366000"},
                  {"to", "+43664100"},  {"text", "Hallo"},    {"coding", "0"}};
    for (const auto& [key, value] : changes) values[key] = value;
    std::string query;
    for (const auto& [key, value] : values) {
      if (value.empty()) continue;
      absl::StrAppend(&query, query.empty() ? "" : "&", key, "=", http::PercentEncode(value));
    }
    const std::string path = "/kannel/cgi-bin/sendsms";
    return method == "GET" ? Ask("GET", path + "?" + query) : Ask("POST", path, query);
  }
  // The queries of the calls so far, once there are so many.
  std::vector<Values> Calls(size_t count) {
    std::vector<Values> calls;
    for (const auto& request :
         customer.Until([&](const auto& seen) { return seen.size() >= count; })) {
      Values& values = calls.emplace_back();
      for (const auto& [key, value] : http::ParseQuery(request.query)) values[key] = value;
    }
    return calls;
  }

  Customer customer;
};

TEST_CASE("kannel: a message arrives and is reported with the key of its own URL") {
  KannelWorld world;
  const std::string report =
      world.customer.url("/dlr?key=77&status=%d&answer=%A&to=%P&from=%p&meta=%D&percent=%%");
  const http::Response answer = world.Send(
      {{"dlr-mask", "27"}, {"dlr-url", report}, {"meta-data", "a b"}, {"text", "Grüße"}});
  CHECK(answer.status == 202);
  CHECK(answer.body == "0: Accepted for delivery");
  std::vector<Values> calls = world.Calls(2);
  std::sort(calls.begin(), calls.end(),
            [](const Values& a, const Values& b) { return a.at("status") > b.at("status"); });
  CHECK(calls[0]["status"] == "8");
  CHECK(calls[1]["status"] == "1");
  CHECK(calls[1]["key"] == "77");
  CHECK(calls[1]["to"] == "+43664100");
  CHECK(calls[1]["from"] == "+4366000");
  CHECK(calls[1]["meta"] == "a b");
  const json phone = world.Phone("SMS", "+43664100");
  CHECK(phone["messages"][0]["text"] == "Grüße");
  CHECK(phone["messages"][0]["key"] == "77");
  world.Send({{"dlr-mask", "1"}, {"dlr-url", report}, {"text", "Grüße"}}, "POST");
  CHECK(world.Calls(3).back()["status"] == "1");  // only what the mask asks for
  CHECK(world.Phone("SMS", "+43664100")["duplicates"] == 1);
}

TEST_CASE("kannel: what never arrives") {
  KannelWorld world;
  const Values report{{"dlr-mask", "31"},
                      {"dlr-url", world.customer.url("/dlr?status=%d&answer=%A")}};
  Values nobody = report;
  nobody["to"] = "+4399999";
  CHECK(world.Send(nobody).status == 202);
  CHECK(world.Calls(1)[0]["status"] == "16");
  CHECK(world.Calls(1)[0]["answer"] == "NACK/0x0000000b/Invalid Destination Address");
  world.Control("POST", "/phones/SMS/%2B43664100:block", {{"sim", "+4366000"}});
  CHECK(world.Send(report).status == 202);
  CHECK(world.Calls(2)[1]["status"] == "2");
}

TEST_CASE("kannel: alphabets") {
  KannelWorld world;
  const auto text = [&] { return world.Phone("SMS", "+43664100")["messages"].back()["text"]; };
  world.Send({{"text", "äöüß€ 👍"}});
  CHECK(text() == "äöüß€ ?");  // no emoji in the GSM alphabet
  world.Send({{"text", ToUtf16("Жя 👍")}, {"coding", "2"}});
  CHECK(text() == "Жя 👍");
  world.Send({{"text", "Жя 👍"}, {"coding", "2"}, {"charset", "UTF-8"}});
  CHECK(text() == "Жя 👍");
  CHECK(world.Send({{"text", "odd"}, {"coding", "2"}}).status == 400);
  CHECK(IsGsm("Grüße [€]"));
  CHECK_FALSE(IsGsm("„Hallo“"));
  CHECK_FALSE(IsGsm("ç"));
  CHECK(IsGsm("Ç"));
}

TEST_CASE("kannel: refuses what Kannel refuses") {
  KannelWorld world;
  struct Case {
    Values changes;
    int status;
    const char* body;
  };
  const std::vector<Case> cases{
      {{{"username", "other"}}, 403, "Authorization failed for sendsms"},
      {{{"password", "other"}}, 403, "Authorization failed for sendsms"},
      {{{"to", ""}}, 400, "Missing receiver number, rejected"},
      {{{"to", "anna"}}, 400, "Receiver number contains illegal characters, rejected"},
      {{{"from", ""}}, 400, "Sender missing and no global set, rejected"},
      {{{"from", "TwelveLetter"}}, 400, "Sender too long, rejected"},
      {{{"text", ""}}, 400, "Missing text, rejected"},
      {{{"coding", "3"}}, 400, "coding field misformed, rejected"},
      {{{"dlr-mask", "x"}}, 400, "dlr-mask field misformed, rejected"},
      {{{"priority", "4"}}, 400, "priority field misformed, rejected"},
  };
  for (const Case& one : cases) {
    const http::Response answer = world.Send(one.changes);
    CHECK(answer.status == one.status);
    CHECK(answer.body == one.body);
  }
  CHECK(world.Phone("SMS", "+43664100")["received"] == 0);
}

TEST_CASE("kannel: what phones write, in both alphabets") {
  KannelWorld world;
  const auto write = [&](const std::string& text) {
    return world.Control("POST", "/phones/SMS/%2B43664100:write",
                         {{"to", "+4366000"}, {"text", text}});
  };
  const json written = write("Grüße & mehr");
  Values call = world.Calls(1)[0];
  CHECK(call["token"] == "t");
  CHECK(call["id"] == written["provider_message_id"]);
  CHECK(call["sender"] == "+43664100");
  CHECK(call["receiver"] == "+4366000");
  CHECK(call["coding"] == "0");
  CHECK(call["message"] == "Grüße & mehr");
  world.customer.FailNext(2);
  write("Жя 👍");
  call = world.Calls(4)[3];  // two attempts have failed
  CHECK(call["coding"] == "2");
  CHECK(call["message"] == ToUtf16("Жя 👍"));
  CHECK(world
            .Ask("POST", "/phones/SMS/%2B43664100:write",
                 R"({"to":"+4366000","location":{"latitude":1,"longitude":2}})")
            .status == 400);
}

}  // namespace
}  // namespace mo::simulator
