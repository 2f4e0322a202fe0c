#include "services/sims/drivers/telegram_test.h"

#include <catch2/catch.hpp>

#include "libs/runtime/errors.h"

namespace mo::sims {
namespace {

TEST_CASE("telegram: a message becomes exactly these requests", "[drivers][telegram]") {
  struct Row {
    const char* label;
    std::string address;
    std::string content;
    std::string known_file;  // the provider's id of the media
    std::string expected;
  };
  const std::string picture = R"(media { kind: MEDIA_KIND_IMAGE url: "https://x.test/a.jpg" )";
  const std::vector<Row> rows = {
      {"plain text, no preview, no parse mode", "5",
       R"(text { body: "Grüße *an* _alle_ \"2\"\n👍" })", "",
       TelegramCalled("sendMessage",
                      "{\"chat_id\":5,\"text\":\"Grüße *an* _alle_ \\\"2\\\"\\n👍\","
                      "\"link_preview_options\":{\"is_disabled\":true}}")},
      {"text with preview", "5", R"(text { body: "https://x.test" preview_links: true })", "",
       TelegramCalled("sendMessage", R"({"chat_id":5,"text":"https://x.test"})")},
      {"to a supergroup", "-1001234567890", R"(text { body: "a" preview_links: true })", "",
       TelegramCalled("sendMessage", R"({"chat_id":-1001234567890,"text":"a"})")},
      {"to a channel's name", "@news_at", R"(text { body: "a" preview_links: true })", "",
       TelegramCalled("sendMessage", R"({"chat_id":"@news_at","text":"a"})")},
      {"quick replies are a keyboard", "5",
       R"(text { body: "?" preview_links: true } quick_replies { title: "\"Ja\"" payload: "y" }
          quick_replies { title: "Hier" kind: QUICK_REPLY_KIND_LOCATION })",
       "",
       TelegramCalled("sendMessage",
                      R"({"chat_id":5,"text":"?","reply_markup":{"keyboard":[[{"text":"\"Ja\""}],)"
                      R"([{"text":"Hier","request_location":true}]],"resize_keyboard":true,)"
                      R"("one_time_keyboard":true}})")},
      {"a link is a button below the message", "5",
       picture + R"(caption: "?" } link_button { title: "Mehr" url: "https://x.test/" })", "",
       TelegramCalled("sendPhoto",
                      R"({"chat_id":5,"photo":"https://x.test/a.jpg","caption":"?","reply_markup":)"
                      R"({"inline_keyboard":[[{"text":"Mehr","url":"https://x.test/"}]]}})")},
      {"photo by URL with caption", "5", picture + R"(caption: "Schau" })", "",
       TelegramCalled("sendPhoto",
                      R"({"chat_id":5,"photo":"https://x.test/a.jpg","caption":"Schau"})")},
      {"photo by URL", "5", picture + "}", "",
       TelegramCalled("sendPhoto", R"({"chat_id":5,"photo":"https://x.test/a.jpg"})")},
      {"photo that Telegram has", "5", R"(media { kind: MEDIA_KIND_IMAGE media_id: "med_1" })",
       "photo:AgAC-1", TelegramCalled("sendPhoto", R"({"chat_id":5,"photo":"AgAC-1"})")},
      {"video by URL", "5", R"(media { kind: MEDIA_KIND_VIDEO url: "https://x.test/a.mp4" })", "",
       TelegramCalled("sendVideo", R"({"chat_id":5,"video":"https://x.test/a.mp4"})")},
      {"mp3 with caption", "5",
       R"(media { kind: MEDIA_KIND_AUDIO url: "https://x.test/a.mp3" mime_type: "audio/mpeg"
                  caption: "c" })",
       "",
       TelegramCalled("sendAudio",
                      R"({"chat_id":5,"audio":"https://x.test/a.mp3","caption":"c"})")},
      {"opus is a voice message", "5",
       R"(media { kind: MEDIA_KIND_AUDIO url: "https://x.test/a" mime_type: "audio/ogg; codecs=opus" })",
       "", TelegramCalled("sendVoice", R"({"chat_id":5,"voice":"https://x.test/a"})")},
      {"aac is not played: a document", "5",
       R"(media { kind: MEDIA_KIND_AUDIO url: "https://x.test/a" mime_type: "audio/aac" })", "",
       TelegramCalled("sendDocument", R"({"chat_id":5,"document":"https://x.test/a"})")},
      {"a known voice message keeps its kind", "5",
       R"(media { kind: MEDIA_KIND_AUDIO media_id: "med_1" })", "voice:AwAC:2",
       TelegramCalled("sendVoice", R"({"chat_id":5,"voice":"AwAC:2"})")},
      {"document", "5", R"(media { kind: MEDIA_KIND_DOCUMENT url: "https://x.test/a.pdf" })", "",
       TelegramCalled("sendDocument", R"({"chat_id":5,"document":"https://x.test/a.pdf"})")},
      {"location", "5", "location { latitude: 48.2081743 longitude: 16.3738189 }", "",
       TelegramCalled("sendLocation",
                      R"({"chat_id":5,"latitude":48.2081743,"longitude":16.3738189})")},
      {"location with a name: the words follow", "5",
       R"(location { latitude: 48.2 longitude: -16.5 name: "Dom" address: "Platz 1" })", "",
       TelegramCalled("sendLocation", R"({"chat_id":5,"latitude":48.2,"longitude":-16.5})") + "\n" +
           TelegramCalled("sendMessage",
                          "{\"chat_id\":5,\"text\":\"Dom\\nPlatz 1\","
                          "\"link_preview_options\":{\"is_disabled\":true}}")},
      // Telegram will say that there is no such chat.
      {"a phone number", "+43664123", R"(text { body: "a" preview_links: true })", "",
       TelegramCalled("sendMessage", R"({"chat_id":43664123,"text":"a"})")},
      {"no chat at all", "anna", R"(text { body: "a" })", "", "recipient_gone"},
      {"empty text", "5", "text {}", "", "message_refused"},
      {"4,096 characters of two bytes", "5",
       absl::StrCat("text { preview_links: true body: \"",
                    absl::StrJoin(std::vector<std::string>(4096, "ä"), ""), "\" }"),
       "",
       TelegramCalled("sendMessage",
                      absl::StrCat("{\"chat_id\":5,\"text\":\"",
                                   absl::StrJoin(std::vector<std::string>(4096, "ä"), ""), "\"}"))},
      {"4,097 characters", "5", absl::StrCat("text { body: \"", std::string(4097, 'a'), "\" }"), "",
       "message_refused"},
      {"1,025 characters of caption", "5",
       picture + absl::StrCat("caption: \"", std::string(1025, 'a'), "\" }"), "",
       "message_refused"},
      {"media from nowhere", "5", "media { kind: MEDIA_KIND_IMAGE }", "", "media_refused"},
      {"nothing", "5", "", "", "message_refused"},
  };
  const Telegram driver(TelegramSettings());
  for (const Row& row : rows) {
    INFO(row.label);
    const common::Content content = ParseContent(row.content);
    Outgoing message{.key = 1, .address = row.address, .content = content};
    message.provider_media_id = row.known_file;
    CHECK(Made(driver, message) == row.expected);
  }
}

TEST_CASE("telegram: a file goes along with its message, once", "[drivers][telegram]") {
  const Telegram driver(TelegramSettings());
  const common::Content content =
      ParseContent(R"(media { kind: MEDIA_KIND_AUDIO media_id: "med_1" caption: "hör zu" })");
  const MediaFile file{"med_1", common::MEDIA_KIND_AUDIO, "audio/ogg", "a.ogg",
                       std::string("OggS\0--", 7)};
  std::vector<http::ClientRequest> requests;
  Outgoing message{.key = 1, .address = "-5", .content = content};
  message.file = &file;
  REQUIRE(driver.MakeRequests(message, requests).accepted());
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].url == absl::StrCat("https://tg.test/bot", kTelegramToken, "/sendVoice"));
  const auto parts =
      http::ParseMultipart(requests[0].body, requests[0].headers.Get("Content-Type"));
  REQUIRE(parts.ok());
  REQUIRE(parts->size() == 3);
  CHECK((*parts)[0].name == "chat_id");
  CHECK((*parts)[0].body == "-5");
  CHECK((*parts)[1].name == "caption");
  CHECK((*parts)[1].body == "hör zu");
  CHECK((*parts)[2].name == "voice");
  CHECK((*parts)[2].filename == "a.ogg");
  CHECK((*parts)[2].content_type == "audio/ogg");
  CHECK((*parts)[2].body == file.data);
  const SendOutcome outcome =
      driver.ParseResponse({200, {}, R"({"ok":true,"result":{"message_id":9,"chat":{"id":-5},
                    "voice":{"file_id":"AwAC","duration":1}}})"});
  CHECK(AsText(outcome) == "none id=-5:9 media=voice:AwAC");
}

TEST_CASE("telegram: what an answer means", "[drivers][telegram]") {
  struct Row {
    int status;
    std::string body;
    std::string expected;
  };
  const auto error = [](int code, const std::string& description, const std::string& more = "") {
    return Row{code,
               absl::StrCat("{\"ok\":false,\"error_code\":", code, ",\"description\":\"",
                            description, "\"", more, "}"),
               ""};
  };
  const auto row = [](Row base, const std::string& expected) {
    base.expected = expected;
    return base;
  };
  const std::vector<Row> rows = {
      {200, R"({"ok":true,"result":{"message_id":7,"chat":{"id":5}}})", "none id=5:7"},
      {200,
       R"({"ok":true,"result":{"message_id":7,"chat":{"id":5},"photo":[{"file_id":"s"},{"file_id":"l"}]}})",
       "none id=5:7 media=photo:l"},
      {200, R"({"ok":true,"result":{"message_id":7,"chat":{"id":5},"document":{"file_id":"d"}}})",
       "none id=5:7 media=document:d"},
      {200, R"({"ok":true,"result":true})", "none"},
      {200, R"({"ok":true,"result":{"message_id":0,"chat":{"id":5}}})", "unknown_outcome"},
      {200, R"({"ok":true,"result":{}})", "unknown_outcome"},
      {200, "<html>", "unknown_outcome code=200"},
      row(error(403, "Forbidden: bot was blocked by the user"), "opted_out code=403"),
      row(error(403, "Forbidden: user is deactivated"), "recipient_gone code=403"),
      row(error(400, "Bad Request: private chat not found"), "recipient_gone code=400"),
      row(error(403, "Forbidden: bot can't initiate conversation with a user"),
          "recipient_gone code=403"),
      row(error(403, "Forbidden: bot was kicked from the group chat"), "group_gone code=403"),
      row(error(403, "Forbidden: bot was kicked from the supergroup chat"), "group_gone code=403"),
      row(error(403, "Forbidden: bot was kicked from the channel chat"), "group_gone code=403"),
      row(error(403, "Forbidden: bot is not a member of the channel chat"), "group_gone code=403"),
      row(error(403, "Forbidden: the group chat was deleted"), "group_gone code=403"),
      row(error(400, "Bad Request: chat not found"), "recipient_gone code=400"),
      row(error(400, "Bad Request: group chat was upgraded to a supergroup chat",
                R"(,"parameters":{"migrate_to_chat_id":-100987})"),
          "recipient_moved code=400 moved=-100987"),
      row(error(400, "Bad Request: not enough rights to send text messages to the chat"),
          "group_refused code=400"),
      row(error(400, "Bad Request: file is too big"), "media_refused code=400"),
      row(error(400, "Bad Request: wrong file identifier/HTTP URL specified"),
          "media_refused code=400"),
      row(error(400, "Bad Request: failed to get HTTP URL content"), "media_refused code=400"),
      row(error(400, "Bad Request: PHOTO_INVALID_DIMENSIONS"), "media_refused code=400"),
      row(error(400, "Bad Request: can't parse entities: ..."), "message_refused code=400"),
      row(error(400, "Bad Request: message text is empty"), "message_refused code=400"),
      row(error(400, "Bad Request: message is too long"), "message_refused code=400"),
      row(error(401, "Unauthorized"), "sim_unauthorized code=401"),
      row(error(404, "Not Found"), "sim_unauthorized code=404"),
      row(error(409, "Conflict: terminated by other getUpdates request"),
          "sim_misconfigured code=409"),
      row(error(413, "Request Entity Too Large"), "media_refused code=413"),
      row(error(429, "Too Many Requests: retry after 17", R"(,"parameters":{"retry_after":17})"),
          "throttled code=429 retry=17s"),
      row(error(429, "Too Many Requests"), "throttled code=429"),
      row(error(500, "Internal Server Error"), "retry code=500"),
      {502, "<html>Bad Gateway</html>", "retry code=502"},
      {504, "", "unknown_outcome code=504"},
      {302, "", "sim_misconfigured code=302"},
      {429, "not json", "throttled code=429"},
      {200, R"({"ok":false,"error_code":"x"})", "unknown_outcome code=200"},
  };
  const Telegram driver(TelegramSettings());
  for (const Row& r : rows) {
    INFO(r.body);
    CHECK(AsText(driver.ParseResponse({r.status, {}, r.body})) == r.expected);
  }
  CHECK(AsText(driver.ParseResponse({429, {{"Retry-After", "5"}}, ""})) ==
        "throttled code=429 retry=5s");
}

TEST_CASE("telegram: the way to a file", "[drivers][telegram]") {
  const Telegram driver(TelegramSettings());
  RemoteMedia media;
  media.provider_id = "AgAC";
  const auto first = driver.FetchMedia(media, nullptr);
  REQUIRE(first.ok());
  CHECK(AsText(first->request) == TelegramCalled("getFile", R"({"file_id":"AgAC"})"));
  CHECK(!first->is_file);
  const auto next = [&](int status, const std::string& body) {
    const http::Response response{status, {}, body};
    const auto step = driver.FetchMedia(media, &response);
    return step.ok() ? AsText(step->request) : absl::StatusCodeToString(step.status().code());
  };
  CHECK(next(200, R"({"ok":true,"result":{"file_id":"AgAC","file_path":"photos/a b.jpg"}})") ==
        absl::StrCat("GET https://tg.test/file/bot", kTelegramToken, "/photos/a%20b.jpg"));
  CHECK(next(200, R"({"ok":true,"result":{"file_path":"../x"}})") == "NOT_FOUND");
  CHECK(next(200, R"({"ok":true,"result":{"file_path":"/etc/x"}})") == "NOT_FOUND");
  CHECK(next(200, R"({"ok":true,"result":{}})") == "NOT_FOUND");
  CHECK(
      next(400, R"({"ok":false,"error_code":400,"description":"Bad Request: file is too big"})") ==
      "NOT_FOUND");
  CHECK(next(500, R"({"ok":false,"error_code":500})") == "UNAVAILABLE");
  CHECK(next(200, "no json") == "UNAVAILABLE");
}

TEST_CASE("telegram: credentials, webhook, groups", "[drivers][telegram]") {
  const Telegram driver(TelegramSettings());
  CHECK(driver.CheckSettings().ok());
  CHECK(AsText(*driver.Probe()) == TelegramCalled("getMe", "{}"));
  CHECK(driver.ParseProbe({200, {}, R"({"ok":true,"result":{"id":77}})"}) == ErrorClass::kNone);
  CHECK(driver.ParseProbe({401, {}, R"({"ok":false,"error_code":401})"}) ==
        ErrorClass::kSimUnauthorized);
  CHECK(driver.ParseProbe({502, {}, "x"}) == ErrorClass::kRetry);
  CHECK(AsText(*driver.Subscribe()) ==
        TelegramCalled("setWebhook",
                       "{\"url\":\"https://mo.test/callbacks/telegram/sim_1\","
                       "\"secret_token\":\"s3cret-token\","
                       "\"allowed_updates\":[\"message\",\"my_chat_member\"]}"));
  CHECK(AsText(*driver.LeaveGroup("-1009")) == TelegramCalled("leaveChat", R"({"chat_id":-1009})"));
  CHECK(!driver.LeaveGroup("group").has_value());

  DriverSettings polling = TelegramSettings();
  polling.options["polling"] = "true";
  polling.verify_token = "";
  CHECK(Telegram(polling).CheckSettings().ok());
  CHECK(AsText(*Telegram(polling).Subscribe()) == TelegramCalled("deleteWebhook", "{}"));

  const auto problem = [](auto change) {
    DriverSettings settings = TelegramSettings();
    change(settings);
    const auto problems = FieldProblemsOf(Telegram(settings).CheckSettings());
    REQUIRE(problems.size() == 1);
    return problems[0].field + " " + problems[0].reason;
  };
  CHECK(problem([](auto& s) { s.access_token = ""; }) == "access_token REQUIRED");
  CHECK(problem([](auto& s) { s.access_token = "77:short"; }) == "access_token INVALID");
  CHECK(problem([](auto& s) { s.access_token[0] = 'x'; }) == "access_token INVALID");
  CHECK(problem([](auto& s) { s.verify_token = ""; }) == "verify_token REQUIRED");
  CHECK(problem([](auto& s) { s.verify_token = "a b"; }) == "verify_token INVALID");
  DriverSettings official = TelegramSettings();
  official.base_url = "";
  CHECK(absl::StartsWith(Telegram(official).Probe()->url, "https://api.telegram.org/bot77:"));
}

}  // namespace
}  // namespace mo::sims
