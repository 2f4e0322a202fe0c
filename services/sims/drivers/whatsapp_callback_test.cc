#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "services/sims/drivers/driver_cases.h"
#include "services/sims/drivers/whatsapp_cloud.h"

namespace mo::sims {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1800000000);

WhatsAppCloud TestDriver(const std::string& secret = "s3cr3t") {
  DriverSettings settings;
  settings.app_secret = secret;
  settings.verify_token = "verify me";
  return WhatsAppCloud(settings);
}

absl::StatusOr<std::vector<std::string>> Parse(const std::string& body) {
  const http::Headers none;
  auto events = TestDriver().ParseCallback({"POST", "", none, body}, kNow);
  if (!events.ok()) return events.status();
  return Show(*events);
}

std::string Body(const std::string& field, const std::string& value) {
  return absl::StrCat(
      R"({"object":"whatsapp_business_account","entry":[{"id":"W1","time":1700000009,"changes":[{"field":")",
      field, R"(","value":)", value, "}]}]}");
}

// A change of "messages" of number 1065.
std::string Value(const std::string& rest) {
  return Body("messages", absl::StrCat(R"({"metadata":{"phone_number_id":"1065"},)", rest, "}"));
}

std::string Message(const std::string& rest) {
  return Value(absl::StrCat(
      R"("contacts":[{"profile":{"name":"Anna"},"wa_id":"43664"}],"messages":[{"from":"43664","id":"w1","timestamp":"1700000000",)",
      rest, "}]"));
}

std::string Said(const std::string& content) {
  return absl::StrCat(
      R"(1065 message provider_message_id: "w1" sender_address: "+43664" sender_phone: "+43664" sender_name: "Anna" content { )",
      content, " } at 1700000000");
}

std::string Status(const std::string& rest) {
  return Value(absl::StrCat(R"("statuses":[{"id":"w9","timestamp":"1700000000",)", rest, "}]"));
}

TEST_CASE("WhatsApp: what callbacks say", "[whatsapp]") {
  struct Case {
    std::string label;
    std::string body;
    std::vector<std::string> events;
  };
  const std::vector<Case> cases = {
      {"text", Message(R"("type":"text","text":{"body":"Hi"})"), {Said(R"(text { body: "Hi" })")}},
      {"text that answers",
       Message(R"("type":"text","text":{"body":"Hi"},"context":{"id":"w0"})"),
       {Said(R"(text { body: "Hi" })") + " to w0"}},
      {"with a user id",
       Message(R"("from_user_id":"AT.1a","type":"text","text":{"body":"Hi"})"),
       {R"(1065 message provider_message_id: "w1" sender_address: "AT.1a" sender_phone: "+43664" sender_name: "Anna" content { text { body: "Hi" } } at 1700000000)"}},
      {"with a malformed user id",
       Message(R"("from_user_id":"nope","type":"text","text":{"body":"Hi"})"),
       {Said(R"(text { body: "Hi" })")}},
      {"user id only",
       Value(
           R"("messages":[{"from_user_id":"AT.1a","id":"w1","timestamp":"1700000000","type":"text","text":{"body":"Hi"}}])"),
       {R"(1065 message provider_message_id: "w1" sender_address: "AT.1a" content { text { body: "Hi" } } at 1700000000)"}},
      {"user id inside from",
       Value(
           R"("messages":[{"from":"AT.1a","id":"w1","timestamp":"1700000000","type":"text","text":{"body":"Hi"}}])"),
       {R"(1065 message provider_message_id: "w1" sender_address: "AT.1a" content { text { body: "Hi" } } at 1700000000)"}},
      {"from nobody",
       Value(R"("messages":[{"id":"w1","timestamp":"1","type":"text","text":{"body":"Hi"}}])"),
       {"ignored 1"}},
      {"bad from",
       Value(R"("messages":[{"from":"bla","id":"w1","type":"text","text":{"body":"Hi"}}])"),
       {"ignored 1"}},
      {"milliseconds, and a group",
       Value(
           R"("messages":[{"from":"43664","group_id":"G1","id":"w1","timestamp":"1700000000123","type":"text","text":{"body":"Hi"}}])"),
       {R"(1065 message provider_message_id: "w1" sender_address: "+43664" sender_phone: "+43664" group_id: "G1" content { text { body: "Hi" } } at 1700000000)"}},
      {"bad timestamp: now",
       Value(
           R"("messages":[{"from":"43664","id":"w1","timestamp":"asdf","type":"text","text":{"body":"Hi"}}])"),
       {R"(1065 message provider_message_id: "w1" sender_address: "+43664" sender_phone: "+43664" content { text { body: "Hi" } } at 1800000000)"}},
      {"image",
       Message(
           R"("type":"image","image":{"id":"5","mime_type":"image/jpeg","caption":"See","url":"https://l/5"})"),
       {Said(R"(media { kind: MEDIA_KIND_IMAGE caption: "See" mime_type: "image/jpeg" })") +
        " media 5 https://l/5"}},
      {"voice",
       Message(R"("type":"audio","audio":{"id":"5","mime_type":"audio/ogg","voice":true})"),
       {Said(R"(media { kind: MEDIA_KIND_AUDIO mime_type: "audio/ogg" })") + " media 5 "}},
      {"video",
       Message(R"("type":"video","video":{"id":"5","mime_type":"video/mp4"})"),
       {Said(R"(media { kind: MEDIA_KIND_VIDEO mime_type: "video/mp4" })") + " media 5 "}},
      {"document",
       Message(
           R"("type":"document","document":{"id":"5","filename":"a.pdf","mime_type":"application/pdf"})"),
       {Said(
            R"(media { kind: MEDIA_KIND_DOCUMENT filename: "a.pdf" mime_type: "application/pdf" })") +
        " media 5 "}},
      {"sticker",
       Message(R"("type":"sticker","sticker":{"id":"5","mime_type":"image/webp"})"),
       {Said(R"(media { kind: MEDIA_KIND_IMAGE mime_type: "image/webp" })") + " media 5 "}},
      {"location",
       Message(R"("type":"location","location":{"latitude":48.5,"longitude":16.25,"name":"W"})"),
       {Said(R"(location { latitude: 48.5 longitude: 16.25 name: "W" })")}},
      {"button",
       Message(R"("type":"button","button":{"text":"No","payload":"no"})"),
       {Said(R"(text { body: "No" payload: "no" })")}},
      {"button_reply",
       Message(
           R"("type":"interactive","interactive":{"type":"button_reply","button_reply":{"id":"0","title":"Yes"}})"),
       {Said(R"(text { body: "Yes" payload: "0" })")}},
      {"list_reply",
       Message(
           R"("type":"interactive","interactive":{"type":"list_reply","list_reply":{"id":"0","title":"Yes"}})"),
       {Said(R"(text { body: "Yes" payload: "0" })")}},
      {"nfm_reply",
       Message(
           R"("type":"interactive","interactive":{"type":"nfm_reply","nfm_reply":{"body":"Sent","response_json":"[]"}})"),
       {Said(R"(text { body: "Sent" })")}},
      {"unsupported",
       Message(R"("type":"unsupported","errors":[{"code":131051}])"),
       {Said(R"(unsupported { kind: "unsupported" })")}},
      {"contacts",
       Message(R"("type":"contacts","contacts":[{}])"),
       {Said(R"(unsupported { kind: "contacts" })")}},
      {"reaction",
       Message(R"("type":"reaction","reaction":{"message_id":"w0","emoji":"x"})"),
       {"ignored 1"}},
      {"another number",
       Message(R"("type":"system","system":{"wa_id":"43699","type":"user_changed_number"})"),
       {"1065 moved +43664 +43699"}},
      {"another user id",
       Message(
           R"("from_user_id":"AT.1","type":"system","system":{"user_id":"AT.2","type":"user_changed_user_id"})"),
       {"1065 moved AT.1 AT.2"}},
      {"errors without a message", Value(R"("errors":[{"code":130472}])"), {"ignored 1"}},
      {"sent",
       Status(R"("status":"sent","recipient_id":"43664","biz_opaque_callback_data":"mo:77")"),
       {"1065 receipt 77 w9 SENT +43664 0"}},
      {"read without delivered",
       Status(R"("status":"read","recipient_user_id":"AT.1","biz_opaque_callback_data":"mo:77")"),
       {"1065 receipt 77 w9 READ AT.1 0"}},
      {"delivered, another's data",
       Status(R"("status":"delivered","biz_opaque_callback_data":"77")"),
       {"1065 receipt 0 w9 DELIVERED  0"}},
      {"failed",
       Status(R"("status":"failed","biz_opaque_callback_data":"mo:77","errors":[{"code":131049}])"),
       {"1065 receipt 77 w9 FAILED  131049"}},
      {"in_orbit", Status(R"("status":"in_orbit")"), {"ignored 1"}},
      {"deleted", Status(R"("status":"deleted")"), {"ignored 1"}},
      {"stop and resume",
       Body(
           "user_preferences",
           R"({"metadata":{"phone_number_id":"1065"},"user_preferences":[{"wa_id":"43664","category":"marketing_messages","value":"stop","timestamp":1},{"wa_id":"43664","value":"resume"}]})"),
       {"1065 stop +43664", "1065 resume +43664"}},
      {"a group comes and goes",
       Body(
           "group_lifecycle_update",
           R"({"metadata":{"phone_number_id":"1065"},"groups":[{"group_id":"G1","type":"group_create","subject":"Us","timestamp":"1700000000"},{"group_id":"G2","type":"group_delete","timestamp":"1700000000"}]})"),
       {R"(1065 group group_id: "G1" display_name: "Us" time { seconds: 1700000000 })",
        R"(1065 group group_id: "G2" left: true time { seconds: 1700000000 })"}},
      {"what was sent by the number's app",
       Body(
           "smb_message_echoes",
           R"({"metadata":{"phone_number_id":"1065"},"message_echoes":[{"from":"4315550","to":"43664","id":"w9","type":"text","text":{"body":"Hi"}}]})"),
       {"ignored 1"}},
      {"a group that was not made",
       Body("group_lifecycle_update",
            R"({"groups":[{"group_id":"G1","type":"group_create","errors":[{"code":131210}]}]})"),
       {"ignored 1"}},
      {"members",
       Body("group_participants_update",
            R"({"groups":[{"group_id":"G1","type":"group_participants_add"}]})"),
       {"ignored 1"}},
      {"ban",
       Body("account_update",
            R"({"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"DISABLE"}})"),
       {"W1 health 0 account DISABLED_UPDATE DISABLE 0"}},
      {"ban lifted",
       Body("account_update",
            R"({"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"REINSTATE"}})"),
       {"W1 health 1 account DISABLED_UPDATE REINSTATE 0"}},
      {"violation",
       Body("account_update", R"({"event":"ACCOUNT_VIOLATION"})"),
       {"W1 health 2 account ACCOUNT_VIOLATION 0"}},
      {"flagged",
       Body("phone_number_quality_update",
            R"({"display_phone_number":"4315550","event":"FLAGGED"})"),
       {"+4315550 health 3 quality RED 0"}},
      {"throughput",
       Body("phone_number_quality_update",
            R"({"display_phone_number":"4315550","event":"THROUGHPUT_UPGRADE"})"),
       {"+4315550 health 4 messages_per_second THROUGHPUT_UPGRADE 1000"}},
      {"template",
       Body(
           "message_template_status_update",
           R"({"event":"PAUSED","message_template_name":"hello","message_template_language":"de"})"),
       {"W1 health 5 hello/de PAUSED 0"}},
      {"a field of tomorrow", Body("tomorrow", "{}"), {"ignored 1"}},
      {"nothing", R"({"object":"whatsapp_business_account"})", {}},
      {"all of the wrong type",
       R"({"object":"whatsapp_business_account","entry":[1,{"changes":{"a":1}},{"changes":[[],{"field":"messages","value":[{"messages":7}]}]}]})",
       {"ignored 1"}},
  };
  for (const Case& row : cases) {
    INFO(row.label);
    auto events = Parse(row.body);
    REQUIRE(events.ok());
    CHECK(*events == row.events);
  }
  for (const char* body : {"", "empty", "{", "[]", "null", R"({"object":"page"})", "\xff\xfe"}) {
    INFO(body);
    CHECK_FALSE(Parse(body).ok());
  }
}

TEST_CASE("WhatsApp: two numbers in one callback, a thousand statuses", "[whatsapp]") {
  std::string changes;
  for (int i = 0; i < 1000; ++i) {
    absl::StrAppend(&changes, i > 0 ? "," : "",
                    R"({"field":"messages","value":{"metadata":{"phone_number_id":")", i % 2,
                    R"("},"statuses":[{"id":"w)", i,
                    R"(","status":"sent","biz_opaque_callback_data":"mo:)", i, R"("}]}})");
  }
  const std::string body = absl::StrCat(
      R"({"object":"whatsapp_business_account","entry":[{"id":"W","changes":[)", changes, "]}]}");
  const http::Headers none;
  auto events = TestDriver().ParseCallback({"POST", "", none, body}, kNow);
  REQUIRE(events.ok());
  REQUIRE(events->senders.size() == 2);
  CHECK(events->senders[0].receipts.size() == 500);
  CHECK(events->senders[1].sender_id == "1");
  CHECK(events->senders[1].receipts.back().key == 999);
}

TEST_CASE("WhatsApp: the signature is over the bytes as they came", "[whatsapp]") {
  struct Case {
    std::string label, secret, body, signature;
    bool ok;
  };
  const std::string plain = "0ca28c0f1996234eb6829e59ad3c11a18161f6eb043943d601e420c312432cdf";
  const std::string empty = R"({"object":"whatsapp_business_account","entry":[]})";
  const std::vector<Case> cases = {
      {"plain", "app-secret-1", empty, "sha256=" + plain, true},
      {"raw unicode", "s3cr3t", "{\"t\":\"Grüße 👍\"}",
       "sha256=370452d2591615c075fd4aed388286e5d40a4a1ce909ee09995fbaf88259c525", true},
      {"escaped unicode", "s3cr3t", R"({"t":"Gr\u00fc\u00dfe \ud83d\udc4d"})",
       "sha256=4038b41fc97421284e5f98e322c8b76e1c0c1b0d81c7e1803b5ef8d5596b9971", true},
      {"upper case", "app-secret-1", empty, "sha256=" + absl::AsciiStrToUpper(plain), true},
      {"another form of the same", "s3cr3t", R"({"t":"Gr\u00fc\u00dfe \ud83d\udc4d"})",
       "sha256=370452d2591615c075fd4aed388286e5d40a4a1ce909ee09995fbaf88259c525", false},
      {"another secret", "app-secret-2", empty, "sha256=" + plain, false},
      {"another body", "app-secret-1", empty + " ", "sha256=" + plain, false},
      {"none", "app-secret-1", empty, "", false},
      {"short", "app-secret-1", empty, "sha256=" + plain.substr(0, 62), false},
      {"not hex", "app-secret-1", empty, "sha256=" + std::string(64, 'x'), false},
      {"another algorithm", "app-secret-1", empty, "sha1=" + plain, false},
      {"no secret", "", empty, "sha256=" + plain, false},
  };
  for (const Case& row : cases) {
    INFO(row.label);
    http::Headers headers;
    if (!row.signature.empty()) headers.Add("x-hub-signature-256", row.signature);
    const absl::Status status = TestDriver(row.secret).Verify({"POST", "", headers, row.body});
    CHECK(status.ok() == row.ok);
    if (!row.ok) CHECK(status.code() == absl::StatusCode::kPermissionDenied);
  }
}

TEST_CASE("WhatsApp: the handshake", "[whatsapp]") {
  const http::Headers none;
  const auto ask = [&](absl::string_view query) {
    return TestDriver().Handshake({"GET", query, none, ""});
  };
  const auto good = ask("hub.mode=subscribe&hub.verify_token=verify+me&hub.challenge=123");
  REQUIRE(good);
  CHECK(good->status == 200);
  CHECK(good->body == "123");
  for (const char* query :
       {"", "hub.verify_token=verify+me&hub.challenge=123", "hub.mode=subscribe&hub.challenge=123",
        "hub.mode=subscribe&hub.verify_token=wrong&hub.challenge=123"}) {
    INFO(query);
    CHECK(ask(query)->status == 403);
  }
  CHECK_FALSE(TestDriver().Handshake({"POST", "", none, ""}));
}

}  // namespace
}  // namespace mo::sims
