// What goes to other systems: how it is checked, filled in, signed and tried.
#include <catch2/catch.hpp>

#include "absl/flags/declare.h"
#include "absl/flags/flag.h"
#include "absl/strings/escaping.h"
#include "libs/runtime/ids.h"
#include "services/rules/bot_courier.h"
#include "services/rules/breakers.h"
#include "services/rules/forward_queue.h"
#include "services/rules/forwarding.h"
#include "services/rules/signing.h"

ABSL_DECLARE_FLAG(std::string, smtp_host);

namespace mo::rules {
namespace {

using Problematic = std::vector<std::string>;

// "field REASON" of each problem.
Problematic ProblemsOf(const v1::RuleAction& action) {
  Problems problems;
  CheckForward(action, "a", problems);
  Problematic found;
  for (const FieldProblem& problem : FieldProblemsOf(problems.ToStatus()))
    found.push_back(problem.field + " " + problem.reason);
  return found;
}

v1::RuleAction Posting(const std::string& url) {
  v1::RuleAction action;
  action.mutable_http()->set_url(url);
  return action;
}

TEST_CASE("A signature is that of the specification's own example", "[forwards]") {
  std::string secret;
  REQUIRE(absl::Base64Unescape("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &secret));
  const http::Headers headers =
      SignatureHeaders("msg_p5jXN8AQM9LWM0D4loKWxJek", absl::FromUnixSeconds(1614265330),
                       "{\"test\": 2432232314}", {secret, "another"});
  CHECK(headers.Get("webhook-id") == "msg_p5jXN8AQM9LWM0D4loKWxJek");
  CHECK(headers.Get("webhook-timestamp") == "1614265330");
  const std::string signature(headers.Get("webhook-signature"));
  CHECK(signature.substr(0, 48) == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= ");
  CHECK(signature.substr(48, 3) == "v1,");
  CHECK_FALSE(SignatureHeaders("x", absl::UnixEpoch(), "", {}).Has("webhook-signature"));
  CHECK(ShownSecret(secret) == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
}

TEST_CASE("URLs of forwards lead out, and placeholders stand behind the host", "[forwards]") {
  for (const char* good :
       {"https://example.org/in", "http://example.org/{{contact.phone}}?m={{message|none}}",
        "https://example.org:8443/?q={{attributes.customer}}"}) {
    INFO(good);
    CHECK(ProblemsOf(Posting(good)) == Problematic{});
  }
  for (const char* bad :
       {"http://127.0.0.1/x", "http://169.254.169.254/latest/meta-data", "http://[::1]/",
        "http://[::ffff:10.0.0.1]/", "http://localhost/", "https://db.internal/",
        "https://example.org:22/", "http://0x7f.1/", "http://2130706433/"}) {
    INFO(bad);
    CHECK(ProblemsOf(Posting(bad)) == Problematic{"a.http.url NOT_ALLOWED"});
  }
  CHECK(ProblemsOf(Posting("")) == Problematic{"a.http.url REQUIRED"});
  CHECK(ProblemsOf(Posting("https://{{message}}/x")) == Problematic{"a.http.url BAD_PLACEHOLDER"});
  CHECK(ProblemsOf(Posting("https://example.org{{message}}")) ==
        Problematic{"a.http.url BAD_PLACEHOLDER"});
  CHECK(ProblemsOf(Posting("https://example.org/{{nonsense}}")) ==
        Problematic{"a.http.url BAD_PLACEHOLDER"});
}

TEST_CASE("Headers of forwards cannot frame, sign or authorize", "[forwards]") {
  v1::RuleAction action = Posting("https://example.org/");
  v1::HttpHeader& header = *action.mutable_http()->add_headers();
  header.set_name("X-Customer");
  header.set_value("{{contact.name}}");
  CHECK(ProblemsOf(action) == Problematic{});
  for (const char* name : {"Host", "content-length", "Webhook-Signature", "Authorization",
                           "Transfer-Encoding", "Cookie"}) {
    INFO(name);
    header.set_name(name);
    CHECK(ProblemsOf(action) == Problematic{"a.http.headers[0].name NOT_ALLOWED"});
  }
  header.set_name("X-Customer");
  header.set_value("{{nonsense}}");
  CHECK(ProblemsOf(action) == Problematic{"a.http.headers[0].value BAD_PLACEHOLDER"});
}

TEST_CASE("Mails need a server and addresses, bots some patience", "[forwards]") {
  v1::RuleAction action;
  action.mutable_mail()->add_to("desk@example.org");
  action.mutable_mail()->add_to("no address");
  CHECK(ProblemsOf(action) == Problematic{"a.mail UNAVAILABLE", "a.mail.to[1] BAD_FORMAT"});
  action.mutable_bot()->set_url("https://example.org/bot");
  action.mutable_bot()->mutable_patience()->set_seconds(301);
  CHECK(ProblemsOf(action) == Problematic{"a.bot.patience OUT_OF_RANGE"});
  action.mutable_sms()->set_text("{{unknown}}");
  CHECK(ProblemsOf(action) == Problematic{"a.sms.to REQUIRED", "a.sms.text BAD_PLACEHOLDER"});
}

// What an action becomes for a message with every kind of nasty character.
v1::StoredForward Filled(const v1::RuleAction& action) {
  AccountRules account;
  const Rulebook book(std::make_shared<const AccountRules>(account), {});
  Occasion occasion;
  occasion.text = "a&b=c/..?\r\nX-Evil: 1 {{name}} ü";
  occasion.contact.set_display_name("Änne\nBcc: x@y.zz");
  occasion.contact.set_phone("+43664");
  return *ForwardOf(action, book, occasion, Decision());
}

TEST_CASE("Values are encoded for where they stand", "[forwards]") {
  v1::RuleAction action =
      Posting("https://example.org/{{contact.phone}}?m={{message}}&n={{channel|none}}");
  v1::HttpHeader& header = *action.mutable_http()->add_headers();
  header.set_name("X-Name");
  header.set_value("{{contact.name}}");
  const v1::StoredForward http = Filled(action);
  CHECK(http.http().url() ==
        "https://example.org/%2B43664?m=a%26b%3Dc%2F..%3F%0D%0AX-Evil%3A%201%20%7B%7Bname%7D%7D%20"
        "%C3%BC&n=none");
  CHECK(http.http().headers(0).value() == "Änne Bcc: x@y.zz");
  action.mutable_mail()->set_subject("From {{contact.name}}");
  CHECK(Filled(action).mail().subject() == "From Änne Bcc: x@y.zz");
  CHECK(Filled(action).mail().text() == "a&b=c/..?\r\nX-Evil: 1 {{name}} ü");
}

http::Response AnswerOf(const std::string& type, const std::string& body, int status = 200) {
  return {.status = status, .headers = {{"Content-Type", type}}, .body = body};
}

TEST_CASE("What a bot may answer", "[forwards]") {
  const auto json = [](const std::string& body) {
    return ParseBotAnswer(AnswerOf("application/json; charset=utf-8", body));
  };
  CHECK(json(R"({"text":"hi {{you}}","whatever":1})")->text() == "hi {{you}}");
  CHECK(json(R"({"add_to_channels":["chn_1"]})")->add_to_channels(0) == "chn_1");
  CHECK(json(R"({"media":{"kind":"MEDIA_KIND_IMAGE","url":"https://example.org/a.png"}})").ok());
  CHECK(ParseBotAnswer(AnswerOf("text/plain", " hello \n"))->text() == "hello");
  CHECK(ParseBotAnswer(AnswerOf("", "", 204))->text().empty());

  CHECK_FALSE(json("{").ok());
  CHECK_FALSE(json("[1]").ok());
  CHECK_FALSE(json(R"({"text":7e99})").ok());
  CHECK_FALSE(json(R"({"media":{"kind":"MEDIA_KIND_IMAGE"}})").ok());
  CHECK_FALSE(json("{\"text\":\"" + std::string(4097, 'x') + "\"}").ok());
  CHECK_FALSE(ParseBotAnswer(AnswerOf("text/html", "<p>hi")).ok());
  CHECK_FALSE(ParseBotAnswer(AnswerOf("text/plain", std::string(kMostBotAnswer, 'x'))).ok());
}

TEST_CASE("Pauses between attempts grow to hours, those of bots to half a minute", "[forwards]") {
  CHECK(Backoff(v1::FORWARD_KIND_HTTP, 1) == absl::Seconds(10));
  CHECK(Backoff(v1::FORWARD_KIND_WEBHOOK, 4) == absl::Seconds(80));
  CHECK(Backoff(v1::FORWARD_KIND_MAIL, 1000000) == absl::Hours(6));
  CHECK(Backoff(v1::FORWARD_KIND_BOT, 1) == absl::Seconds(1));
  CHECK(Backoff(v1::FORWARD_KIND_BOT, 9) == absl::Seconds(30));
}

TEST_CASE("A destination that keeps failing is left alone, then tried by one", "[forwards]") {
  Breakers breakers(8);
  absl::Time now = absl::FromUnixSeconds(1000);
  const auto attempt = [&](const std::string& to, bool answers) {
    breakers.Begin(to);
    breakers.End(to, answers, now);
  };
  breakers.Begin("other");
  for (int i = 0; i < 4; ++i) attempt("bad", false);
  CHECK(breakers.Less(now) == absl::flat_hash_map<std::string, int32_t>{{"other", 1}});
  attempt("bad", false);
  CHECK(breakers.Less(now).at("bad") == 8);
  CHECK(breakers.open(now) == 1);
  now += absl::Seconds(5);
  CHECK(breakers.Less(now).at("bad") == 7);
  breakers.Begin("bad");
  CHECK(breakers.Less(now).at("bad") == 8);
  breakers.End("bad", false, now);
  CHECK(breakers.Less(now + absl::Seconds(9)).at("bad") == 8);
  CHECK(breakers.Less(now + absl::Seconds(10)).at("bad") == 7);
  now += absl::Seconds(10);
  attempt("bad", true);
  CHECK_FALSE(breakers.Less(now).contains("bad"));
  CHECK(breakers.in_flight() == 1);
}

}  // namespace
}  // namespace mo::rules
