#include "services/sims/drivers/sms_kannel.h"

#include <catch2/catch.hpp>

#include "libs/runtime/errors.h"
#include "services/sims/drivers/sms_text.h"
#include "services/sims/drivers/test_text.h"

namespace mo::sims {
namespace {

DriverSettings Settings() {
  DriverSettings settings;
  settings.driver = "sms_kannel";
  settings.address = "+436641111111";
  settings.base_url = "https://kannel.test:13013";
  settings.callback_url = "https://mo.test/callbacks/sms_kannel/sim_1";
  settings.username = "us er";
  settings.access_token = "p&ss";
  settings.verify_token = "token-0123456789";
  return settings;
}

std::string Repeat(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST_CASE("sms: alphabet and number of parts", "[drivers][sms]") {
  struct Row {
    std::string text;
    bool gsm7;
    size_t parts;
  };
  // PROTOCOLS.md §4.1.
  const std::vector<Row> rows = {
      {"", true, 0},
      {Repeat("a", 160), true, 1},
      {Repeat("a", 161), true, 2},
      {Repeat("a", 158) + "€", true, 1},
      {Repeat("a", 159) + "€", true, 2},
      {Repeat("a", 306), true, 2},
      {Repeat("a", 307), true, 3},
      {Repeat("a", 152) + "€" + Repeat("a", 152), true, 3},
      {Repeat("ж", 70), false, 1},
      {Repeat("ж", 71), false, 2},
      {Repeat("a", 68) + "👍", false, 1},
      {Repeat("a", 69) + "👍", false, 2},
      {Repeat("ж", 134), false, 2},
      {Repeat("a", 66) + "👍" + Repeat("a", 66), false, 3},
      {"„Hallo“", false, 1},
      {"ç", false, 1},
      {"Ç", true, 1},
      {"äöüÄÖÜß@£$¥èéùìòØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæÉ ¤¡Ññ§¿à\n\r", true, 1},
      {"^{}\\[~]|€\f", true, 1},
      {"`", false, 1},
      {"\t", false, 1},
      {"\xFF", false, 1},
      {"\xE2\x82", false, 1},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const SmsSize size = MeasureSms(row.text);
    CHECK(size.gsm7 == row.gsm7);
    CHECK(size.parts == row.parts);
  }
  CHECK(MeasureSms("a€").units == 3);
  CHECK(MeasureSms("ж👍").units == 3);
  CHECK(PlainPunctuation("„Hallo“ – ‚so‘ …\u00A0ж") == "\"Hallo\" - 'so' ... ж");
}

TEST_CASE("sms: what networks send becomes UTF-8", "[drivers][sms]") {
  using namespace std::string_literals;
  CHECK(FromUtf16("\x00H\x00\xe4"s) == "Hä");
  CHECK(FromUtf16("\xd8\x3d\xdc\x4d"s) == "👍");
  CHECK(FromUtf16("\xd8\x3d\x00H"s) == "\uFFFDH");
  CHECK(FromUtf16("\xdc\x4d"s) == "\uFFFD");
  CHECK(FromUtf16("\xfe\xff\x04\x36\x00"s) == "ж\uFFFD");
  CHECK(FromUtf16("\x00\x00\x00x"s) == "x");
  CHECK(FromLatin1("\xe4\x00x"s) == "äx");
  CHECK(FromUtf8("ä\x00\xff👍"s) == "ä\uFFFD👍");
  CHECK(FromUtf8("\xed\xa0\x80"s) == "\uFFFD\uFFFD\uFFFD");
  CHECK(FromUtf8("\xc0\xaf"s) == "\uFFFD\uFFFD");
}

TEST_CASE("sms: a message becomes exactly this request", "[drivers][sms]") {
  struct Row {
    const char* label;
    std::string content;
    std::string expected;  // of the URL: coding and what follows, or the refusal
    std::map<std::string, std::string> options = {};
    Purpose purpose = Purpose::kAnswer;
    std::string address = "+436642222222";
  };
  const std::string receipts =
      "&dlr-mask=27&dlr-url=https%3A%2F%2Fmo.test%2Fcallbacks%2Fsms_kannel%2Fsim_1%3Ftoken%3D"
      "token-0123456789%26key%3D77%26status%3D%25d%26id%3D%25F%26ts%3D%25T%26answer%3D%25A";
  const std::vector<Row> rows = {
      {"plain: GSM 7 bit", R"(text { body: "Grüße & 1 €" })",
       "coding=0&charset=UTF-8&priority=1" + receipts +
           "&text=Gr%C3%BC%C3%9Fe%20%26%201%20%E2%82%AC"},
      {"a broadcast has no priority",
       R"(text { body: "a" })",
       "coding=0&charset=UTF-8" + receipts + "&text=a",
       {},
       Purpose::kBulk},
      {"unicode: UCS-2", R"(text { body: "ж👍" })",
       "coding=2&charset=UTF-8&priority=1" + receipts + "&text=%D0%B6%F0%9F%91%8D"},
      {"mixed: UCS-2", R"(text { body: "a„" })",
       "coding=2&charset=UTF-8&priority=1" + receipts + "&text=a%E2%80%9E"},
      {"smart encoding",
       R"(text { body: "„a“ …" })",
       "coding=0&charset=UTF-8&priority=1" + receipts + "&text=%22a%22%20...",
       {{"smart_encoding", "true"}}},
      {"a certain centre",
       R"(text { body: "a" })",
       "coding=0&charset=UTF-8&smsc=at-1&priority=1" + receipts + "&text=a",
       {{"smsc", "at-1"}}},
      {"a file: its caption and link",
       R"(media { kind: MEDIA_KIND_IMAGE url: "https://x.test/a" caption: "Schau" })",
       "coding=0&charset=UTF-8&priority=1" + receipts + "&text=Schau%0Ahttps%3A%2F%2Fx.test%2Fa"},
      {"a file: its link", R"(media { kind: MEDIA_KIND_DOCUMENT url: "https://x.test/a" })",
       "coding=0&charset=UTF-8&priority=1" + receipts + "&text=https%3A%2F%2Fx.test%2Fa"},
      {"a place", "location { latitude: 48.2 longitude: 16.3 }",
       "coding=0&charset=UTF-8&priority=1" + receipts +
           "&text=https%3A%2F%2Fmaps.google.com%2F%3Fq%3D48.2%2C16.3"},
      {"what others tap on", R"(text { body: "?" } quick_replies { title: "Ja" } quick_replies
          { title: "Hier" kind: QUICK_REPLY_KIND_LOCATION } quick_replies { title: "Nein" })",
       "coding=0&charset=UTF-8&priority=1" + receipts + "&text=%3F%0A-%20Ja%0A-%20Nein"},
      {"a link", R"(text { body: "?" } link_button { title: "Mehr" url: "https://x.test/" })",
       "coding=0&charset=UTF-8&priority=1" + receipts +
           "&text=%3F%0AMehr%3A%20https%3A%2F%2Fx.test%2F"},
      {"a file without a place", R"(media { kind: MEDIA_KIND_IMAGE media_id: "med_1" })",
       "media_refused"},
      {"ten parts", absl::StrCat("text { body: \"", std::string(1530, 'a'), "\" }"),
       "coding=0&charset=UTF-8&priority=1" + receipts + "&text=" + std::string(1530, 'a')},
      {"eleven parts", absl::StrCat("text { body: \"", std::string(1531, 'a'), "\" }"),
       "message_refused"},
      {"eleven parts of UCS-2", absl::StrCat("text { body: \"", Repeat("ж", 671), "\" }"),
       "message_refused"},
      {"empty", "text {}", "message_refused"},
      {"nothing", "", "message_refused"},
      {"no number", R"(text { body: "a" })", "recipient_gone", {}, Purpose::kAnswer, "anna"},
  };
  for (const Row& row : rows) {
    INFO(row.label);
    DriverSettings settings = Settings();
    settings.options = row.options;
    const SmsKannel driver(settings);
    const common::Content content = ParseContent(row.content);
    Outgoing message{.key = 77, .address = row.address, .content = content};
    message.purpose = row.purpose;
    const std::string head =
        "GET https://kannel.test:13013/cgi-bin/sendsms?username=us%20er&password=p%26ss"
        "&from=%2B436641111111&to=%2B436642222222&";
    const bool refused = row.expected.find('=') == std::string::npos;
    CHECK(Made(driver, message) == (refused ? row.expected : head + row.expected));
  }
  DriverSettings settings = Settings();
  settings.options["sender"] = "Verein";
  settings.callback_url = "";
  const common::Content content = ParseContent(R"(text { body: "a" })");
  CHECK(Made(SmsKannel(settings), {.key = 1, .address = "4366", .content = content}) ==
        "GET https://kannel.test:13013/cgi-bin/sendsms?username=us%20er&password=p%26ss"
        "&from=Verein&to=4366&coding=0&charset=UTF-8&priority=1&text=a");
}

TEST_CASE("sms: what Kannel answers", "[drivers][sms]") {
  struct Row {
    int status;
    std::string body;
    std::string expected;
  };
  const std::vector<Row> rows = {
      {202, "0: Accepted for delivery", "none"},
      {202, "3: Queued for later delivery", "none"},
      {200, "0: Accepted for delivery", "none"},
      {200, "<html>", "unknown_outcome code=200"},
      {403, "Authorization failed for sendsms", "sim_unauthorized code=403"},
      {403, "4: Not routable. Do not try again.", "recipient_gone code=403"},
      {400, "Empty text", "message_refused code=400"},
      {400, "Number(s) has/have been denied by white- and/or black-lists.",
       "recipient_gone code=400"},
      {401, "", "sim_unauthorized code=401"},
      {404, "", "sim_misconfigured code=404"},
      {429, "", "throttled code=429"},
      {503, "Temporal failure, try again later.", "retry code=503"},
      {500, "", "retry code=500"},
      {504, "", "unknown_outcome code=504"},
      {302, "", "sim_misconfigured code=302"},
  };
  const SmsKannel driver(Settings());
  for (const Row& row : rows) {
    INFO(row.status << " " << row.body);
    CHECK(AsText(driver.ParseResponse({row.status, {}, row.body})) == row.expected);
  }
}

TEST_CASE("sms: what Kannel calls with", "[drivers][sms]") {
  struct Row {
    const char* label;
    std::string query;
    std::string expected;
  };
  const auto said = [](const std::string& content, const std::string& sender = "+43664222") {
    return absl::StrCat("inbound provider_message_id: \"i-1\" sender_address: \"", sender, "\" ",
                        sender[0] == '+' ? "sender_phone: \"" + sender + "\" " : "", "content { ",
                        content, " } time { seconds: 1700000000 }");
  };
  const std::string mo = "id=i-1&sender=%2B43664222&ts=1700000000&";
  const std::string dlr = "key=77&id=AB1&ts=1700000000&";
  const std::string at = " at=1700000000000";
  const std::vector<Row> rows = {
      {"text", mo + "coding=0&charset=UTF-8&message=Gr%C3%BC%C3%9Fe+%26",
       said(R"(text { body: "Grüße &" })")},
      {"UCS-2 is read by its coding", mo + "coding=2&charset=UTF-16BE&message=%04%36%d8%3d%dc%4d",
       said(R"(text { body: "ж👍" })")},
      {"UCS-2 that Kannel has recoded", mo + "coding=2&charset=UTF-8&message=%D0%B6",
       said(R"(text { body: "ж" })")},
      {"Latin-1", mo + "coding=0&charset=ISO-8859-1&message=%E4", said(R"(text { body: "ä" })")},
      {"not UTF-8", mo + "coding=0&message=%E4", said("text { body: \"\uFFFD\" }")},
      {"empty text", mo + "message=", said(R"(unsupported { kind: "empty" })")},
      {"a plus that was not encoded", "id=i-1&sender=+43664222&ts=1700000000&message=a",
       said(R"(text { body: "a" })")},
      {"00 stands for it", "id=i-1&sender=0043664222&ts=1700000000&message=a",
       said(R"(text { body: "a" })")},
      {"a number without it", "id=i-1&sender=436642222222&ts=1700000000&message=a",
       said(R"(text { body: "a" })", "+436642222222")},
      {"a short code", "id=i-1&sender=12345&ts=1700000000&message=a",
       said(R"(text { body: "a" })", "12345")},
      {"no number", "id=i-1&sender=INFO&ts=1700000000&message=a", "INVALID_ARGUMENT"},
      {"no sender", "id=i-1&message=a", "INVALID_ARGUMENT"},
      {"no message", mo, "INVALID_ARGUMENT"},
      {"no parameters", "", "INVALID_ARGUMENT"},
      {"no time: now", "id=i-1&sender=%2B43664222&ts=x&message=a",
       R"(inbound provider_message_id: "i-1" sender_address: "+43664222" )"
       R"(sender_phone: "+43664222" content { text { body: "a" } } time { seconds: 1800000000 })"},
      {"delivered", dlr + "status=1&answer=", "receipt DELIVERED key=77 id=AB1" + at},
      {"failed", dlr + "status=2&answer=id%3AAB1+stat%3AUNDELIV",
       "receipt FAILED key=77 id=AB1 error=recipient_gone" + at},
      {"buffered", dlr + "status=4", "receipt SENT key=77 id=AB1" + at},
      {"taken by the centre", dlr + "status=8&answer=ACK%2F", "receipt SENT key=77 id=AB1" + at},
      {"refused for its number",
       dlr + "status=16&answer=NACK%2F0x0000000b%2FInvalid+Destination+Address",
       "receipt FAILED key=77 id=AB1 error=recipient_gone code=11" + at},
      {"refused", dlr + "status=16&answer=NACK%2F0x00000045%2FSubmit+failed",
       "receipt FAILED key=77 id=AB1 error=message_refused code=69" + at},
      {"refused without a reason", dlr + "status=16",
       "receipt FAILED key=77 id=AB1 error=message_refused" + at},
      {"unknown status", dlr + "status=66", "ignored 1"},
      {"no status", dlr + "status=0", "INVALID_ARGUMENT"},
      {"no key", "status=1&id=AB1", "INVALID_ARGUMENT"},
      {"no number as key", "status=1&key=x", "INVALID_ARGUMENT"},
  };
  const SmsKannel driver(Settings());
  for (const Row& row : rows) {
    INFO(row.label);
    CHECK(Parsed(driver, "", row.query) == row.expected);
  }
  // The same by POST.
  const http::Headers none;
  const auto posted = driver.ParseCallback({"POST", "token=x", none, dlr + "status=1"}, kTestNow);
  REQUIRE(posted.ok());
  CHECK(AsText(*posted) == "receipt DELIVERED key=77 id=AB1" + at);
  // Without an id of Kannel's, the same message has the same one, others another.
  const auto id = [&](const std::string& query) {
    return driver.ParseCallback({"GET", query, none, ""}, kTestNow)
        ->senders[0]
        .inbound[0]
        .message.provider_message_id();
  };
  CHECK(id("sender=%2B43664222&ts=1&message=a").size() == 32);
  CHECK(id("sender=%2B43664222&ts=1&message=a") == id("message=a&sender=%2B43664222&ts=1"));
  CHECK(id("sender=%2B43664222&ts=1&message=a") != id("sender=%2B43664222&ts=2&message=a"));
}

TEST_CASE("sms: only callbacks with the token are Kannel's", "[drivers][sms]") {
  const http::Headers none;
  const auto verified = [&](const DriverSettings& settings, absl::string_view query) {
    return SmsKannel(settings).Verify({"GET", query, none, ""}).ok();
  };
  CHECK(verified(Settings(), "status=1&token=token-0123456789"));
  CHECK(!verified(Settings(), "status=1&token=token-012345678"));
  CHECK(!verified(Settings(), "status=1&token="));
  CHECK(!verified(Settings(), "status=1"));
  DriverSettings settings = Settings();
  settings.verify_token = "";
  CHECK(!verified(settings, "token="));
  CHECK(FieldProblemsOf(SmsKannel(settings).CheckSettings()).size() == 1);
  CHECK(SmsKannel(Settings()).CheckSettings().ok());
  CHECK(FieldProblemsOf(SmsKannel(DriverSettings()).CheckSettings()).size() == 4);
}

}  // namespace
}  // namespace mo::sims
