#include "services/sims/drivers/telegram.h"

#include <catch2/catch.hpp>

#include "libs/runtime/errors.h"
#include "services/sims/drivers/test_text.h"

namespace mo::sims {
namespace {

constexpr char kToken[] = "77:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr";

DriverSettings Settings() {
  DriverSettings settings;
  settings.driver = "telegram";
  settings.address = "our_bot";
  settings.base_url = "https://tg.test";
  settings.callback_url = "https://mo.test/callbacks/telegram/sim_1";
  settings.access_token = kToken;
  settings.verify_token = "s3cret-token";
  return settings;
}

// A request as rows write it: method and JSON.
std::string Called(absl::string_view method, absl::string_view json) {
  return absl::StrCat("POST https://tg.test/bot", kToken, "/", method,
                      "\nContent-Type: application/json\n", json);
}

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
       Called("sendMessage",
              "{\"chat_id\":5,\"text\":\"Grüße *an* _alle_ \\\"2\\\"\\n👍\","
              "\"link_preview_options\":{\"is_disabled\":true}}")},
      {"text with preview", "5", R"(text { body: "https://x.test" preview_links: true })", "",
       Called("sendMessage", R"({"chat_id":5,"text":"https://x.test"})")},
      {"to a supergroup", "-1001234567890", R"(text { body: "a" preview_links: true })", "",
       Called("sendMessage", R"({"chat_id":-1001234567890,"text":"a"})")},
      {"to a channel's name", "@news_at", R"(text { body: "a" preview_links: true })", "",
       Called("sendMessage", R"({"chat_id":"@news_at","text":"a"})")},
      {"photo by URL with caption", "5", picture + R"(caption: "Schau" })", "",
       Called("sendPhoto", R"({"chat_id":5,"photo":"https://x.test/a.jpg","caption":"Schau"})")},
      {"photo by URL", "5", picture + "}", "",
       Called("sendPhoto", R"({"chat_id":5,"photo":"https://x.test/a.jpg"})")},
      {"photo that Telegram has", "5", R"(media { kind: MEDIA_KIND_IMAGE media_id: "med_1" })",
       "photo:AgAC-1", Called("sendPhoto", R"({"chat_id":5,"photo":"AgAC-1"})")},
      {"video by URL", "5", R"(media { kind: MEDIA_KIND_VIDEO url: "https://x.test/a.mp4" })", "",
       Called("sendVideo", R"({"chat_id":5,"video":"https://x.test/a.mp4"})")},
      {"mp3 with caption", "5",
       R"(media { kind: MEDIA_KIND_AUDIO url: "https://x.test/a.mp3" mime_type: "audio/mpeg"
                  caption: "c" })",
       "", Called("sendAudio", R"({"chat_id":5,"audio":"https://x.test/a.mp3","caption":"c"})")},
      {"opus is a voice message", "5",
       R"(media { kind: MEDIA_KIND_AUDIO url: "https://x.test/a" mime_type: "audio/ogg; codecs=opus" })",
       "", Called("sendVoice", R"({"chat_id":5,"voice":"https://x.test/a"})")},
      {"aac is not played: a document", "5",
       R"(media { kind: MEDIA_KIND_AUDIO url: "https://x.test/a" mime_type: "audio/aac" })", "",
       Called("sendDocument", R"({"chat_id":5,"document":"https://x.test/a"})")},
      {"a known voice message keeps its kind", "5",
       R"(media { kind: MEDIA_KIND_AUDIO media_id: "med_1" })", "voice:AwAC:2",
       Called("sendVoice", R"({"chat_id":5,"voice":"AwAC:2"})")},
      {"document", "5", R"(media { kind: MEDIA_KIND_DOCUMENT url: "https://x.test/a.pdf" })", "",
       Called("sendDocument", R"({"chat_id":5,"document":"https://x.test/a.pdf"})")},
      {"location", "5", "location { latitude: 48.2081743 longitude: 16.3738189 }", "",
       Called("sendLocation", R"({"chat_id":5,"latitude":48.2081743,"longitude":16.3738189})")},
      {"location with a name: the words follow", "5",
       R"(location { latitude: 48.2 longitude: -16.5 name: "Dom" address: "Platz 1" })", "",
       Called("sendLocation", R"({"chat_id":5,"latitude":48.2,"longitude":-16.5})") + "\n" +
           Called("sendMessage",
                  "{\"chat_id\":5,\"text\":\"Dom\\nPlatz 1\","
                  "\"link_preview_options\":{\"is_disabled\":true}}")},
      // Telegram will say that there is no such chat.
      {"a phone number", "+43664123", R"(text { body: "a" preview_links: true })", "",
       Called("sendMessage", R"({"chat_id":43664123,"text":"a"})")},
      {"no chat at all", "anna", R"(text { body: "a" })", "", "recipient_gone"},
      {"empty text", "5", "text {}", "", "message_refused"},
      {"4,096 characters of two bytes", "5",
       absl::StrCat("text { preview_links: true body: \"",
                    absl::StrJoin(std::vector<std::string>(4096, "ä"), ""), "\" }"),
       "",
       Called("sendMessage",
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
  const Telegram driver(Settings());
  for (const Row& row : rows) {
    INFO(row.label);
    const common::Content content = ParseContent(row.content);
    Outgoing message{.key = 1, .address = row.address, .content = content};
    message.provider_media_id = row.known_file;
    CHECK(Made(driver, message) == row.expected);
  }
}

TEST_CASE("telegram: a file goes along with its message, once", "[drivers][telegram]") {
  const Telegram driver(Settings());
  const common::Content content =
      ParseContent(R"(media { kind: MEDIA_KIND_AUDIO media_id: "med_1" caption: "hör zu" })");
  const MediaFile file{"med_1", common::MEDIA_KIND_AUDIO, "audio/ogg", "a.ogg",
                       std::string("OggS\0--", 7)};
  std::vector<http::ClientRequest> requests;
  Outgoing message{.key = 1, .address = "-5", .content = content};
  message.file = &file;
  REQUIRE(driver.MakeRequests(message, requests).accepted());
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].url == absl::StrCat("https://tg.test/bot", kToken, "/sendVoice"));
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
  const Telegram driver(Settings());
  for (const Row& r : rows) {
    INFO(r.body);
    CHECK(AsText(driver.ParseResponse({r.status, {}, r.body})) == r.expected);
  }
  CHECK(AsText(driver.ParseResponse({429, {{"Retry-After", "5"}}, ""})) ==
        "throttled code=429 retry=5s");
}

// The members that every message of a row has.
std::string Message(const std::string& more, const std::string& chat = "") {
  return absl::StrCat(
      R"({"update_id":1,"message":{"message_id":7,"date":1700000000,)",
      R"("from":{"id":5,"is_bot":false,"first_name":"Anna","last_name":"Huber","username":"ah"},)",
      "\"chat\":", chat.empty() ? R"({"id":5,"type":"private"})" : chat, ",", more, "}}");
}

constexpr char kSuper[] = R"({"id":-1009,"type":"supergroup","title":"Verein"})";

// The inbound of such a message, around its content.
std::string Said(const std::string& content, const std::string& more = "",
                 const std::string& between = "") {
  return absl::StrCat(R"(inbound provider_message_id: "5:7" sender_address: "5" )", between,
                      R"(sender_name: "Anna Huber" content { )", content,
                      " } time { seconds: 1700000000 }", more);
}

TEST_CASE("telegram: what an update says", "[drivers][telegram]") {
  struct Row {
    const char* label;
    std::string body;
    std::string expected;
  };
  const auto change = [](const std::string& chat, const std::string& member) {
    return absl::StrCat(R"({"update_id":2,"my_chat_member":{"date":1700000001,"from":{"id":5},)",
                        "\"chat\":", chat, R"(,"old_chat_member":{"status":"member"},)",
                        "\"new_chat_member\":", member, "}}");
  };
  const std::string person = R"({"id":5,"type":"private"})";
  const std::string joined =
      R"(group group_id: "-1009" display_name: "Verein" time { seconds: 1700000001 })";
  const std::string left =
      R"(group group_id: "-1009" display_name: "Verein" left: true time { seconds: 1700000001 })";
  const std::vector<Row> rows = {
      {"text", Message(R"("text":"Grüße 👍")"), Said(R"(text { body: "Grüße 👍" })")},
      {"start with payload", Message(R"("text":"/start aZ_9-x")"),
       Said(R"(text { body: "/start aZ_9-x" })", " | start aZ_9-x")},
      {"start without payload", Message(R"("text":"/start")"), Said(R"(text { body: "/start" })")},
      {"not quite start", Message(R"("text":"/started x")"),
       Said(R"(text { body: "/started x" })")},
      {"an answer", Message(R"("text":"ja","reply_to_message":{"message_id":3})"),
       Said(R"(text { body: "ja" })", " | answers 5:3")},
      {"in a group", Message(R"("text":"/start@our_bot p")", kSuper),
       R"(inbound provider_message_id: "-1009:7" sender_address: "5" sender_name: "Anna Huber" )"
       R"(group_id: "-1009" content { text { body: "/start@our_bot p" } } )"
       R"(time { seconds: 1700000000 } | start p)"},
      {"photo: the largest size",
       Message(R"("caption":"c","photo":[{"file_id":"s","width":90,"height":60,"file_size":9},
                  {"file_id":"l","width":900,"height":600,"file_size":99},
                  {"file_id":"m","width":300,"height":200}])"),
       Said(
           R"(media { kind: MEDIA_KIND_IMAGE caption: "c" mime_type: "image/jpeg" size_bytes: 99 })",
           " | media l  image/jpeg 99")},
      {"video", Message(R"("video":{"file_id":"v","mime_type":"video/quicktime","file_size":3})"),
       Said(R"(media { kind: MEDIA_KIND_VIDEO mime_type: "video/quicktime" size_bytes: 3 })",
            " | media v  video/quicktime 3")},
      {"round video", Message(R"("video_note":{"file_id":"v"})"),
       Said(R"(media { kind: MEDIA_KIND_VIDEO mime_type: "video/mp4" })",
            " | media v  video/mp4 0")},
      {"an animation is no document",
       Message(R"("animation":{"file_id":"a"},"document":{"file_id":"a"})"),
       Said(R"(media { kind: MEDIA_KIND_VIDEO mime_type: "video/mp4" })",
            " | media a  video/mp4 0")},
      {"voice", Message(R"("voice":{"file_id":"o","duration":3})"),
       Said(R"(media { kind: MEDIA_KIND_AUDIO mime_type: "audio/ogg" })",
            " | media o  audio/ogg 0")},
      {"audio", Message(R"("audio":{"file_id":"o","mime_type":"audio/mp4","file_name":"a.m4a"})"),
       Said(R"(media { kind: MEDIA_KIND_AUDIO filename: "a.m4a" mime_type: "audio/mp4" })",
            " | media o  audio/mp4 0")},
      {"document",
       Message(R"("document":{"file_id":"d","file_name":"r.pdf","mime_type":"application/pdf"})"),
       Said(R"(media { kind: MEDIA_KIND_DOCUMENT filename: "r.pdf" mime_type: "application/pdf" })",
            " | media d  application/pdf 0")},
      {"still sticker", Message(R"("sticker":{"file_id":"st","emoji":"👍"})"),
       Said(R"(media { kind: MEDIA_KIND_IMAGE mime_type: "image/webp" })",
            " | media st  image/webp 0")},
      {"moving sticker: its thumbnail",
       Message(R"("sticker":{"file_id":"st","is_animated":true,"thumbnail":{"file_id":"th"}})"),
       Said(R"(media { kind: MEDIA_KIND_IMAGE mime_type: "image/jpeg" })",
            " | media th  image/jpeg 0")},
      {"moving sticker without thumbnail", Message(R"("sticker":{"file_id":"st","is_video":true})"),
       Said(R"(unsupported { kind: "sticker" })")},
      {"location", Message(R"("location":{"latitude":48.2,"longitude":16.3})"),
       Said("location { latitude: 48.2 longitude: 16.3 }")},
      {"venue",
       Message(
           R"("venue":{"location":{"latitude":48.2,"longitude":16.3},"title":"Dom","address":"Platz 1"},
                  "location":{"latitude":48.2,"longitude":16.3})"),
       Said(R"(location { latitude: 48.2 longitude: 16.3 name: "Dom" address: "Platz 1" })")},
      {"somebody's contact",
       Message(R"("contact":{"phone_number":"+431","first_name":"Max","user_id":8})"),
       Said(R"x(text { body: "Max (+431)" })x")},
      {"the sender's own contact",
       Message(R"("contact":{"phone_number":"+432","first_name":"Anna","user_id":5})"),
       Said(R"x(text { body: "Anna (+432)" })x", "", R"(sender_phone: "+432" )")},
      {"mini app", Message(R"("web_app_data":{"data":"{}","button_text":"b"})"),
       Said(R"(unsupported { kind: "web_app_data" })")},
      {"poll", Message(R"("poll":{"id":"1"})"), Said(R"(unsupported { kind: "poll" })")},
      {"a bot", R"({"update_id":1,"message":{"message_id":7,"from":{"id":6,"is_bot":true},
                    "chat":{"id":5,"type":"private"},"text":"x"}})",
       "ignored 1"},
      {"a title was changed", Message(R"("new_chat_title":"x")", kSuper), "ignored 1"},
      {"the group moves", Message(R"("migrate_to_chat_id":-1009)", R"({"id":-4,"type":"group"})"),
       "moved -4 to -1009"},
      {"the group has moved", Message(R"("migrate_from_chat_id":-4)", kSuper), "moved -4 to -1009"},
      {"the bot is added", Message(R"("new_chat_members":[{"id":1},{"id":77}])", kSuper),
       R"(group group_id: "-1009" display_name: "Verein" time { seconds: 1700000000 })"},
      {"another is added", Message(R"("new_chat_members":[{"id":1}])", kSuper), "ignored 1"},
      {"the bot is taken out", Message(R"("left_chat_member":{"id":77})", kSuper),
       R"(group group_id: "-1009" display_name: "Verein" left: true time { seconds: 1700000000 })"},
      {"kicked: a person has blocked the bot", change(person, R"({"status":"kicked"})"),
       "consent 5 stop at=1700000001000"},
      {"member: it has unblocked it", change(person, R"({"status":"member"})"),
       "consent 5 start at=1700000001000"},
      {"in a group as member", change(kSuper, R"({"status":"member"})"), joined},
      {"in a group as administrator", change(kSuper, R"({"status":"administrator"})"), joined},
      {"restricted, but in", change(kSuper, R"({"status":"restricted","is_member":true})"), joined},
      {"restricted and out", change(kSuper, R"({"status":"restricted","is_member":false})"), left},
      {"left", change(kSuper, R"({"status":"left"})"), left},
      {"kicked", change(kSuper, R"({"status":"kicked"})"), left},
      {"an unknown standing", change(kSuper, R"({"status":"dancing"})"), "ignored 1"},
      {"in a channel", change(R"({"id":-2,"type":"channel"})", R"({"status":"administrator"})"),
       "ignored 1"},
      {"edited", R"({"update_id":1,"edited_message":{"message_id":7}})", "ignored 1"},
      {"of tomorrow", R"({"update_id":1,"purchased_paid_media":{}})", "ignored 1"},
      {"no sender", R"({"update_id":1,"message":{"message_id":7,"chat":{"id":5},"text":"x"}})",
       "ignored 1"},
      {"no time: now", R"({"update_id":1,"message":{"message_id":7,"from":{"id":5,"username":"ah"},
                           "chat":{"id":5,"type":"private"},"text":"x"}})",
       R"(inbound provider_message_id: "5:7" sender_address: "5" sender_name: "ah" )"
       R"(content { text { body: "x" } } time { seconds: 1800000000 })"},
      {"empty", "{}", "ignored 1"},
      {"not JSON", "update", "INVALID_ARGUMENT"},
      {"no object", "[1]", "INVALID_ARGUMENT"},
      {"types that lie", R"({"update_id":"x","message":{"message_id":[],"chat":7,"from":"a"}})",
       "ignored 1"},
  };
  const Telegram driver(Settings());
  for (const Row& row : rows) {
    INFO(row.label);
    CHECK(Parsed(driver, row.body) == row.expected);
  }
}

TEST_CASE("telegram: only callbacks with the secret token are Telegram's", "[drivers][telegram]") {
  const auto verified = [](const DriverSettings& settings, const http::Headers& headers) {
    return Telegram(settings).Verify({"POST", "", headers, "{}"}).ok();
  };
  const std::string name = "X-Telegram-Bot-Api-Secret-Token";
  CHECK(verified(Settings(), {{name, "s3cret-token"}}));
  CHECK(!verified(Settings(), {{name, "s3cret-tokeN"}}));
  CHECK(!verified(Settings(), {{name, "s3cret"}}));
  CHECK(!verified(Settings(), {{name, ""}}));
  CHECK(!verified(Settings(), {}));
  DriverSettings none = Settings();
  none.verify_token = "";
  CHECK(!verified(none, {{name, ""}}));
  CHECK(!verified(none, {}));
}

TEST_CASE("telegram: updates are asked for from where they were left", "[drivers][telegram]") {
  const Telegram driver(Settings());
  CHECK(AsText(driver.Poll("")) ==
        Called("getUpdates",
               R"({"limit":100,"timeout":50,"allowed_updates":["message","my_chat_member"]})"));
  CHECK(AsText(driver.Poll("912")) ==
        Called("getUpdates",
               "{\"limit\":100,\"timeout\":50,\"offset\":912,"
               "\"allowed_updates\":[\"message\",\"my_chat_member\"]}"));
  CHECK(driver.Poll("").timeout > absl::Seconds(55));
  const auto polled = driver.ParsePoll({200, {}, R"({"ok":true,"result":[
          {"update_id":910,"message":{"message_id":1,"from":{"id":5},"chat":{"id":5},"text":"a"}},
          {"update_id":911,"poll":{}}]})"},
                                       kTestNow);
  REQUIRE(polled.ok());
  CHECK(polled->cursor == "912");
  REQUIRE(polled->events.senders.size() == 1);
  CHECK(polled->events.senders[0].inbound.size() == 1);
  CHECK(polled->events.ignored == 1);
  const auto quiet = driver.ParsePoll({200, {}, R"({"ok":true,"result":[]})"}, kTestNow);
  REQUIRE(quiet.ok());
  CHECK(quiet->cursor.empty());
  const auto code = [&](int status, const std::string& body) {
    return driver.ParsePoll({status, {}, body}, kTestNow).status();
  };
  CHECK(code(409, R"({"ok":false,"error_code":409,"description":"Conflict"})").code() ==
        absl::StatusCode::kFailedPrecondition);
  CHECK(code(401, R"({"ok":false,"error_code":401,"description":"Unauthorized"})").code() ==
        absl::StatusCode::kUnauthenticated);
  CHECK(code(502, "").code() == absl::StatusCode::kUnavailable);
  CHECK(
      RetryDelayOf(code(429, R"({"ok":false,"error_code":429,"parameters":{"retry_after":9}})")) ==
      absl::Seconds(9));
}

TEST_CASE("telegram: the way to a file", "[drivers][telegram]") {
  const Telegram driver(Settings());
  RemoteMedia media;
  media.provider_id = "AgAC";
  const auto first = driver.FetchMedia(media, nullptr);
  REQUIRE(first.ok());
  CHECK(AsText(first->request) == Called("getFile", R"({"file_id":"AgAC"})"));
  CHECK(!first->is_file);
  const auto next = [&](int status, const std::string& body) {
    const http::Response response{status, {}, body};
    const auto step = driver.FetchMedia(media, &response);
    return step.ok() ? AsText(step->request) : absl::StatusCodeToString(step.status().code());
  };
  CHECK(next(200, R"({"ok":true,"result":{"file_id":"AgAC","file_path":"photos/a b.jpg"}})") ==
        absl::StrCat("GET https://tg.test/file/bot", kToken, "/photos/a%20b.jpg"));
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
  const Telegram driver(Settings());
  CHECK(driver.CheckSettings().ok());
  CHECK(AsText(*driver.Probe()) == Called("getMe", "{}"));
  CHECK(driver.ParseProbe({200, {}, R"({"ok":true,"result":{"id":77}})"}) == ErrorClass::kNone);
  CHECK(driver.ParseProbe({401, {}, R"({"ok":false,"error_code":401})"}) ==
        ErrorClass::kSimUnauthorized);
  CHECK(driver.ParseProbe({502, {}, "x"}) == ErrorClass::kRetry);
  CHECK(AsText(*driver.Subscribe()) ==
        Called("setWebhook",
               "{\"url\":\"https://mo.test/callbacks/telegram/sim_1\","
               "\"secret_token\":\"s3cret-token\","
               "\"allowed_updates\":[\"message\",\"my_chat_member\"]}"));
  CHECK(AsText(*driver.LeaveGroup("-1009")) == Called("leaveChat", R"({"chat_id":-1009})"));
  CHECK(!driver.LeaveGroup("group").has_value());

  DriverSettings polling = Settings();
  polling.options["polling"] = "true";
  polling.verify_token = "";
  CHECK(Telegram(polling).CheckSettings().ok());
  CHECK(AsText(*Telegram(polling).Subscribe()) == Called("deleteWebhook", "{}"));

  const auto problem = [](auto change) {
    DriverSettings settings = Settings();
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
  DriverSettings official = Settings();
  official.base_url = "";
  CHECK(absl::StartsWith(Telegram(official).Probe()->url, "https://api.telegram.org/bot77:"));
}

}  // namespace
}  // namespace mo::sims
