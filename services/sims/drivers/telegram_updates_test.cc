// What Telegram tells: updates, by callback or asked for.
#include <catch2/catch.hpp>

#include "libs/runtime/errors.h"
#include "services/sims/drivers/telegram_test.h"

namespace mo::sims {
namespace {

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
  const Telegram driver(TelegramSettings());
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
  CHECK(verified(TelegramSettings(), {{name, "s3cret-token"}}));
  CHECK(!verified(TelegramSettings(), {{name, "s3cret-tokeN"}}));
  CHECK(!verified(TelegramSettings(), {{name, "s3cret"}}));
  CHECK(!verified(TelegramSettings(), {{name, ""}}));
  CHECK(!verified(TelegramSettings(), {}));
  DriverSettings none = TelegramSettings();
  none.verify_token = "";
  CHECK(!verified(none, {{name, ""}}));
  CHECK(!verified(none, {}));
}

TEST_CASE("telegram: updates are asked for from where they were left", "[drivers][telegram]") {
  const Telegram driver(TelegramSettings());
  CHECK(AsText(driver.Poll("")) ==
        TelegramCalled(
            "getUpdates",
            R"({"limit":100,"timeout":50,"allowed_updates":["message","my_chat_member"]})"));
  CHECK(AsText(driver.Poll("912")) ==
        TelegramCalled("getUpdates",
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

}  // namespace
}  // namespace mo::sims
