#include "services/sims/drivers/messenger.h"

#include <catch2/catch.hpp>

#include "libs/runtime/errors.h"
#include "services/sims/drivers/test_text.h"

namespace mo::sims {
namespace {

DriverSettings Settings() {
  DriverSettings settings;
  settings.driver = "messenger";
  settings.base_url = "https://fb.test";
  settings.sender_id = "100200";
  settings.access_token = "page-token";
  settings.app_secret = "s3cr3t";
  settings.verify_token = "hello";
  return settings;
}

// A request as rows write it: what comes after "messaging_type".
std::string Sent(absl::string_view rest, absl::string_view type = R"("RESPONSE")") {
  return absl::StrCat(
      "POST https://fb.test/v25.0/100200/messages\nAuthorization: Bearer page-token\n"
      "Content-Type: application/json\n{\"messaging_type\":",
      type, ",\"recipient\":{\"id\":\"555\"},\"message\":", rest, "}");
}

std::string Text(absl::string_view text, bool first = true) {
  return absl::StrCat("{\"text\":\"", text, "\"", first ? R"(,"metadata":"mo:77")" : "", "}");
}

TEST_CASE("messenger: a message becomes exactly these requests", "[drivers][messenger]") {
  struct Row {
    const char* label;
    std::string content;
    std::string expected;
    Purpose purpose = Purpose::kAnswer;
    std::string known_file = {};
    std::string address = "555";
  };
  const std::string picture = R"(media { kind: MEDIA_KIND_IMAGE url: "https://x.test/a.jpg" )";
  const std::string words(1996, 'w');
  const auto attached = [](absl::string_view type, absl::string_view payload) {
    return absl::StrCat("{\"attachment\":{\"type\":\"", type, "\",\"payload\":{", payload,
                        "}},\"metadata\":\"mo:77\"}");
  };
  const std::string link = R"("url":"https://x.test/a.jpg","is_reusable":false)";
  const std::vector<Row> rows = {
      {"an answer", R"(text { body: "Grüße \"2\" 👍" })", Sent(Text("Grüße \\\"2\\\" 👍"))},
      {"a broadcast", R"(text { body: "a" })", Sent(Text("a"), R"("UPDATE")"), Purpose::kBulk},
      {"a person's answer, maybe days later", R"(text { body: "a" })",
       Sent(Text("a"), R"("MESSAGE_TAG","tag":"HUMAN_AGENT")"), Purpose::kHumanAgent},
      {"2,000 characters", absl::StrCat("text { body: \"", std::string(2000, 'a'), "\" }"),
       Sent(Text(std::string(2000, 'a')))},
      {"cut at a blank", absl::StrCat("text { body: \"", words, " second part\" }"),
       Sent(Text(words)) + "\n" + Sent(Text("second part", false))},
      {"cut without a blank, not within a character",
       absl::StrCat("text { body: \"", absl::StrJoin(std::vector<std::string>(2001, "ä"), ""),
                    "\" }"),
       Sent(Text(absl::StrJoin(std::vector<std::string>(2000, "ä"), ""))) + "\n" +
           Sent(Text("ä", false))},
      {"too long", absl::StrCat("text { body: \"", std::string(8001, 'a'), "\" }"),
       "message_refused"},
      {"empty", "text {}", "message_refused"},
      {"nothing", "", "message_refused"},
      {"image by link", picture + "}", Sent(attached("image", link))},
      {"image, then its caption", picture + R"(caption: "Schau" })",
       Sent(attached("image", link)) + "\n" + Sent(Text("Schau", false))},
      {"quick replies, without the place that Messenger asks for no more",
       R"(text { body: "?" } quick_replies { title: "Ja" payload: "y" }
          quick_replies { title: "Hier" kind: QUICK_REPLY_KIND_LOCATION }
          quick_replies { title: "äöüäöüäöüäöüäöüäöüäöü" })",
       Sent(R"({"text":"?","quick_replies":[{"content_type":"text","title":"Ja","payload":"y"},)"
            R"({"content_type":"text","title":"äöüäöüäöüäöüäöüäöüäö","payload":)"
            R"("äöüäöüäöüäöüäöüäöüäöü"}],"metadata":"mo:77"})")},
      {"quick replies below the last part",
       absl::StrCat("text { body: \"", words, " second part\" } quick_replies { title: \"Ja\" }"),
       Sent(Text(words)) + "\n" +
           Sent(R"({"text":"second part","quick_replies":)"
                R"([{"content_type":"text","title":"Ja","payload":"Ja"}]})")},
      {"a file, its caption, a link",
       picture + R"(caption: "Schau" } link_button { title: "Mehr" url: "https://x.test/" })",
       Sent(attached("image", link)) + "\n" + Sent(Text("Schau\\nMehr: https://x.test/", false))},
      {"image that Meta has", R"(media { kind: MEDIA_KIND_IMAGE media_id: "med_1" })",
       Sent(attached("image", R"("attachment_id":"987")")), Purpose::kAnswer, "987"},
      {"audio", R"(media { kind: MEDIA_KIND_AUDIO url: "https://x.test/a.jpg" })",
       Sent(attached("audio", link))},
      {"video", R"(media { kind: MEDIA_KIND_VIDEO url: "https://x.test/a.jpg" })",
       Sent(attached("video", link))},
      {"document", R"(media { kind: MEDIA_KIND_DOCUMENT url: "https://x.test/a.jpg" })",
       Sent(attached("file", link))},
      {"media from nowhere", "media { kind: MEDIA_KIND_IMAGE }", "media_refused"},
      {"a place, in words", R"(location { latitude: 48.2 longitude: 16.3 name: "Dom" })",
       Sent(Text("Dom\\nhttps://maps.google.com/?q=48.2,16.3"))},
      {"no page-scoped id", R"(text { body: "a" })", "recipient_gone", Purpose::kAnswer, "",
       "+43664"},
      {"no id that would break out", R"(text { body: "a" })", "recipient_gone", Purpose::kAnswer,
       "", "1\"}"},
  };
  const Messenger driver(Settings());
  for (const Row& row : rows) {
    INFO(row.label);
    const common::Content content = ParseContent(row.content);
    Outgoing message{.key = 77, .address = row.address, .content = content};
    message.provider_media_id = row.known_file;
    message.purpose = row.purpose;
    CHECK(Made(driver, message) == row.expected);
  }
}

TEST_CASE("messenger: what an answer means", "[drivers][messenger]") {
  struct Row {
    int status;
    std::string body;
    std::string expected;
  };
  const auto error = [](int code, int subcode = 0) {
    return absl::StrCat("{\"error\":{\"message\":\"x\",\"type\":\"OAuthException\",\"code\":", code,
                        ",\"error_subcode\":", subcode, "}}");
  };
  const std::vector<Row> rows = {
      {200, R"({"recipient_id":"555","message_id":"m_1"})", "none id=m_1"},
      {200, R"({"recipient_id":"555"})", "unknown_outcome code=200"},
      {200, "no json", "unknown_outcome code=200"},
      {401, error(190), "sim_unauthorized code=190"},
      {401, error(0), "sim_unauthorized"},
      {403, error(10, 2018278), "window_closed code=10"},
      {403, error(10, 2018065), "window_closed code=10"},
      {403, error(10, 1893063), "sim_blocked code=10"},
      {403, error(10), "sim_misconfigured code=10"},
      {400, error(551, 1545041), "recipient_gone code=551"},
      {400, error(613), "throttled code=613"},
      {400, error(4), "throttled code=4"},
      {400, error(32), "throttled code=32"},
      {400, error(80006), "throttled code=80006"},
      {400, error(100), "message_refused code=100"},
      {400, error(100, 2018001), "recipient_gone code=100"},
      {400, error(100, 2018008), "media_retry code=100"},
      {403, error(200), "sim_misconfigured code=200"},
      {403, error(299), "sim_misconfigured code=299"},
      {403, error(200, 2018108), "recipient_gone code=200"},
      {500, error(2), "retry code=2"},
      {400, error(1200), "retry code=1200"},
      {403, error(368), "sim_blocked code=368"},
      {400, error(36000), "media_refused code=36000"},
      {400, error(36103), "media_refused code=36103"},
      {400, error(99999), "message_refused code=99999"},
      {200, error(99999), "message_refused code=99999"},
      {500, error(99999), "retry code=99999"},
      {429, error(99999), "throttled code=99999"},
      {400, R"({"error":{"message":"no code"}})", "message_refused"},
      {429, "", "throttled code=429"},
      {502, "<html>", "retry code=502"},
      {504, "", "unknown_outcome code=504"},
      {400, "bad", "message_refused code=400"},
      {403, "bad", "sim_misconfigured code=403"},
  };
  const Messenger driver(Settings());
  for (const Row& row : rows) {
    INFO(row.status << " " << row.body);
    CHECK(AsText(driver.ParseResponse({row.status, {}, row.body})) == row.expected);
  }
}

std::string Page(const std::string& events, const std::string& page = "100200") {
  return absl::StrCat(R"({"object":"page","entry":[{"id":")", page,
                      R"(","time":1700000000000,"messaging":[)", events, "]}]}");
}

std::string Event(const std::string& rest, const std::string& sender = "555") {
  return absl::StrCat(R"({"sender":{"id":")", sender,
                      R"("},"recipient":{"id":"100200"},"timestamp":1700000000123,)", rest, "}");
}

// The inbound of such an event, around its content.
std::string Said(const std::string& content, const std::string& more = "",
                 const std::string& id = "m_1") {
  return absl::StrCat("sender 100200\ninbound provider_message_id: \"", id,
                      "\" sender_address: \"555\" content { ", content,
                      " } time { seconds: 1700000000 nanos: 123000000 }", more);
}

TEST_CASE("messenger: what a callback says", "[drivers][messenger]") {
  struct Row {
    const char* label;
    std::string body;
    std::string expected;
  };
  const auto attachment = [](const std::string& it) {
    return Page(Event(R"("message":{"mid":"m_1","attachments":[)" + it + "]}"));
  };
  const std::string thumb = R"({"type":"image","payload":{"url":"https://x/t","sticker_id":)";
  const std::vector<Row> rows = {
      {"text", Page(Event(R"("message":{"mid":"m_1","text":"Grüße"})")),
       Said(R"(text { body: "Grüße" })")},
      {"text, escaped as Meta does",
       Page(Event(R"("message":{"mid":"m_1","text":"Gr\u00fc\ud83d\udc4d"})")),
       Said(R"(text { body: "Grü👍" })")},
      {"an answer", Page(Event(R"("message":{"mid":"m_1","text":"ja","reply_to":{"mid":"m_0"}})")),
       Said(R"(text { body: "ja" })", " | answers m_0")},
      {"quick reply",
       Page(Event(R"("message":{"mid":"m_1","text":"Ja","quick_reply":{"payload":"p"}})")),
       Said(R"(text { body: "Ja" payload: "p" })")},
      {"image", attachment(R"({"type":"image","payload":{"url":"https://x/i.jpg"}})"),
       Said("media { kind: MEDIA_KIND_IMAGE }", " | media  https://x/i.jpg  0")},
      {"file", attachment(R"({"type":"file","payload":{"url":"https://x/f.pdf"}})"),
       Said("media { kind: MEDIA_KIND_DOCUMENT }", " | media  https://x/f.pdf  0")},
      {"two attachments", attachment(R"({"type":"audio","payload":{"url":"https://x/a"}},
                                        {"type":"video","payload":{"url":"https://x/v"}})"),
       Said("media { kind: MEDIA_KIND_AUDIO }", " | media  https://x/a  0") +
           Said("media { kind: MEDIA_KIND_VIDEO }", " | media  https://x/v  0", "m_1#2")
               .substr(13)},
      {"location",
       attachment(
           R"({"type":"location","title":"Dom","payload":{"coordinates":{"lat":48.2,"long":16.3}}})"),
       Said(R"(location { latitude: 48.2 longitude: 16.3 name: "Dom" })")},
      {"small thumb", attachment(thumb + "369239263222822}}"), Said(R"(text { body: "👍" })")},
      {"medium thumb", attachment(thumb + "369239343222814}}"), Said(R"(text { body: "👍" })")},
      {"large thumb", attachment(thumb + "369239383222810}}"), Said(R"(text { body: "👍" })")},
      {"fallback", attachment(R"({"type":"fallback","payload":{"url":"https://x"}})"), "ignored 1"},
      {"reel", attachment(R"({"type":"reel","payload":{"url":"https://x"}})"), "ignored 1"},
      {"a link's fallback beside its text",
       Page(Event(
           R"("message":{"mid":"m_1","text":"https://x","attachments":[{"type":"fallback"}]})")),
       Said(R"(text { body: "https://x" })")},
      {"deleted", Page(Event(R"("message":{"mid":"m_1","is_deleted":true,"text":"x"})")),
       "ignored 1"},
      {"m.me link, new thread: a postback with referral",
       Page(Event(R"("postback":{"mid":"m_1","title":"Los","payload":"get_started",
                     "referral":{"ref":"aZ_9-x","source":"SHORTLINK","type":"OPEN_THREAD"}})")),
       Said(R"(text { body: "Los" payload: "get_started" })", " | start aZ_9-x")},
      {"m.me link, existing thread: a referral",
       Page(Event(R"("referral":{"ref":"aZ_9-x","source":"SHORTLINK","type":"OPEN_THREAD"})")),
       Said(R"(unsupported { kind: "referral" })", " | start aZ_9-x",
            "referral:555:1700000000123")},
      {"a referral of an advertisement without ref",
       Page(Event(R"("referral":{"ad_id":"6","source":"ADS"})")), "ignored 1"},
      {"postback without id or title", Page(Event(R"("postback":{"payload":"BUY"})")),
       Said(R"(text { body: "BUY" payload: "BUY" })", "", "postback:555:1700000000123")},
      {"opt-in of a plug-in", Page(Event(R"("optin":{"ref":"r1"})")),
       Said(R"(unsupported { kind: "optin" })", " | start r1", "optin:555:1700000000123")},
      {"opt-in to marketing messages",
       Page(Event(R"("optin":{"type":"notification_messages","notification_messages_token":"t"})")),
       "ignored 1"},
      {"stop of marketing messages",
       Page(Event(
           R"("optin":{"type":"notification_messages","notification_messages_status":"STOP_NOTIFICATIONS"})")),
       "sender 100200\nconsent 555 stop marketing at=1700000000123"},
      {"and again",
       Page(Event(
           R"("optin":{"type":"notification_messages","notification_messages_status":"RESUME_NOTIFICATIONS"})")),
       "sender 100200\nconsent 555 start marketing at=1700000000123"},
      {"our echo brings the key",
       Page(R"({"sender":{"id":"100200"},"recipient":{"id":"555"},"timestamp":1700000000123,
               "message":{"is_echo":true,"app_id":1,"mid":"m_9","metadata":"mo:77","text":"x"}})"),
       "sender 100200\nreceipt SENT key=77 id=m_9 to=555 at=1700000000123"},
      {"another's echo",
       Page(
           R"({"sender":{"id":"100200"},"recipient":{"id":"555"},"message":{"is_echo":true,"mid":"m_9"}})"),
       "ignored 1"},
      {"delivered, by name and watermark",
       Page(Event(R"("delivery":{"mids":["m_1","m_2"],"watermark":1700000000100})")),
       "sender 100200\nreceipt DELIVERED id=m_1 to=555 at=1700000000123\n"
       "receipt DELIVERED id=m_2 to=555 at=1700000000123\n"
       "receipt DELIVERED to=555 watermark=1700000000100 at=1700000000123"},
      {"delivered, without names", Page(Event(R"("delivery":{"watermark":1700000000100})")),
       "sender 100200\nreceipt DELIVERED to=555 watermark=1700000000100 at=1700000000123"},
      {"read", Page(Event(R"("read":{"watermark":1700000000100})")),
       "sender 100200\nreceipt READ to=555 watermark=1700000000100 at=1700000000123"},
      {"read without watermark", Page(Event(R"("read":{})")), "ignored 1"},
      {"reaction", Page(Event(R"("reaction":{"reaction":"love","action":"react","mid":"m_1"})")),
       "ignored 1"},
      {"seconds instead of milliseconds",
       Page(R"({"sender":{"id":"555"},"timestamp":1700000000,"message":{"mid":"m_1","text":"x"}})"),
       R"(sender 100200
inbound provider_message_id: "m_1" sender_address: "555" content { text { body: "x" } } time { seconds: 1700000000 })"},
      {"two pages",
       R"({"object":"page","entry":[
           {"id":"1","messaging":[{"sender":{"id":"5"},"read":{"watermark":1700000000100},"timestamp":1700000000123}]},
           {"id":"2","messaging":[{"sender":{"id":"6"},"read":{"watermark":1700000000100},"timestamp":1700000000123}]}]})",
       "sender 1\nreceipt READ to=5 watermark=1700000000100 at=1700000000123\n"
       "sender 2\nreceipt READ to=6 watermark=1700000000100 at=1700000000123"},
      {"sender is no number", Page(Event(R"("message":{"mid":"m_1","text":"x"})", "abc")),
       "ignored 1"},
      {"sender unknown", Page(R"({"sender":{"user_ref":"u"},"message":{"mid":"m_1","text":"x"}})"),
       "ignored 1"},
      {"no id of the message", Page(Event(R"("message":{"text":"x"})")), "ignored 1"},
      {"no entries", R"({"object":"page","entry":[]})", "ignored 1"},
      {"no messaging", R"({"object":"page","entry":[{"id":"1"}]})", "ignored 1"},
      {"unknown event", Page(Event(R"("policy":{})")), "ignored 1"},
      {"another object", R"({"object":"instagram","entry":[]})", "INVALID_ARGUMENT"},
      {"not JSON", "page", "INVALID_ARGUMENT"},
      {"types that lie",
       R"({"object":"page","entry":[7,{"id":"1","messaging":["x",{"sender":[],"message":3}]}]})",
       "ignored 3"},
  };
  const Messenger driver(Settings());
  for (const Row& row : rows) {
    INFO(row.label);
    CHECK(Parsed(driver, row.body) == row.expected);
  }
}

TEST_CASE("messenger: callbacks are introduced and signed", "[drivers][messenger]") {
  const Messenger driver(Settings());
  const http::Headers none;
  const auto handshake = [&](absl::string_view query) {
    const auto answer = driver.Handshake({"GET", query, none, ""});
    REQUIRE(answer.has_value());
    return absl::StrCat(answer->status, " ", answer->status == 200 ? answer->body : "");
  };
  CHECK(handshake("hub.mode=subscribe&hub.verify_token=hello&hub.challenge=41") == "200 41");
  CHECK(handshake("hub.mode=subscribe&hub.verify_token=wrong&hub.challenge=41") == "403 ");
  CHECK(handshake("hub.mode=subscribe&hub.challenge=41") == "403 ");
  CHECK(handshake("hub.verify_token=hello&hub.challenge=41") == "403 ");
  CHECK(!driver.Handshake({"POST", "", none, "{}"}).has_value());
  const auto verified = [&](const http::Headers& headers, absl::string_view body) {
    return driver.Verify({"POST", "", headers, body}).ok();
  };
  // PROTOCOLS.md §1.6: the same JSON in two forms has two signatures.
  const std::string raw = "370452d2591615c075fd4aed388286e5d40a4a1ce909ee09995fbaf88259c525";
  const std::string escaped = "4038b41fc97421284e5f98e322c8b76e1c0c1b0d81c7e1803b5ef8d5596b9971";
  const std::string name = "X-Hub-Signature-256";
  CHECK(verified({{name, "sha256=" + raw}}, R"({"t":"Grüße 👍"})"));
  CHECK(verified({{name, "sha256=" + escaped}}, R"({"t":"Gr\u00fc\u00dfe \ud83d\udc4d"})"));
  CHECK(!verified({{name, "sha256=" + escaped}}, R"({"t":"Grüße 👍"})"));
  CHECK(!verified({{name, raw}}, R"({"t":"Grüße 👍"})"));
  CHECK(!verified({{name, "sha256=" + raw.substr(1)}}, R"({"t":"Grüße 👍"})"));
  CHECK(!verified({}, R"({"t":"Grüße 👍"})"));
}

TEST_CASE("messenger: files, there and back", "[drivers][messenger]") {
  const Messenger driver(Settings());
  const http::ClientRequest upload =
      driver.Upload({"med_1", common::MEDIA_KIND_DOCUMENT, "application/pdf", "r.pdf", "%PDF"});
  CHECK(upload.url == "https://fb.test/v25.0/100200/message_attachments");
  CHECK(upload.headers.Get("Authorization") == "Bearer page-token");
  const auto parts = http::ParseMultipart(upload.body, upload.headers.Get("Content-Type"));
  REQUIRE(parts.ok());
  REQUIRE(parts->size() == 2);
  CHECK((*parts)[0].name == "message");
  CHECK((*parts)[0].body == R"({"attachment":{"type":"file","payload":{"is_reusable":true}}})");
  CHECK((*parts)[1].name == "filedata");
  CHECK((*parts)[1].filename == "r.pdf");
  CHECK((*parts)[1].content_type == "application/pdf");
  CHECK((*parts)[1].body == "%PDF");
  CHECK(driver.ParseUpload({200, {}, R"({"attachment_id":"987"})"}).provider_media_id == "987");
  CHECK(driver.ParseUpload({200, {}, "{}"}).error == ErrorClass::kMediaRetry);
  CHECK(driver.ParseUpload({504, {}, ""}).error == ErrorClass::kMediaRetry);
  CHECK(driver.ParseUpload({400, {}, R"({"error":{"code":100}})"}).error ==
        ErrorClass::kMediaRefused);
  CHECK(driver.ParseUpload({400, {}, R"({"error":{"code":613}})"}).error == ErrorClass::kThrottled);

  RemoteMedia media;
  media.url = "https://cdn.test/x?y=1";
  const auto fetch = driver.FetchMedia(media, nullptr);
  REQUIRE(fetch.ok());
  // The token is nobody else's business.
  CHECK(AsText(fetch->request) == "GET https://cdn.test/x?y=1");
  CHECK(fetch->is_file);
  media.url = "http://cdn.test/x";
  CHECK(!driver.FetchMedia(media, nullptr).ok());
  media.url = "";
  CHECK(!driver.FetchMedia(media, nullptr).ok());
}

TEST_CASE("messenger: credentials", "[drivers][messenger]") {
  const Messenger driver(Settings());
  CHECK(driver.CheckSettings().ok());
  CHECK(AsText(*driver.Probe()) ==
        "GET https://fb.test/v25.0/100200?fields=name\nAuthorization: Bearer page-token");
  CHECK(driver.ParseProbe({200, {}, "{}"}) == ErrorClass::kNone);
  CHECK(driver.ParseProbe({400, {}, R"({"error":{"code":190}})"}) == ErrorClass::kSimUnauthorized);
  CHECK(driver.ParseProbe({504, {}, ""}) == ErrorClass::kRetry);
  DriverSettings settings = Settings();
  settings.sender_id = "page";
  settings.app_secret = "";
  const auto problems = FieldProblemsOf(Messenger(settings).CheckSettings());
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].field == "app_secret");
  CHECK(problems[1].field == "sender_id");
}

}  // namespace
}  // namespace mo::sims
