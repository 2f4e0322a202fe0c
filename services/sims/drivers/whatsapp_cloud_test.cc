#include "services/sims/drivers/whatsapp_cloud.h"

#include "absl/strings/str_cat.h"
#include "services/sims/drivers/driver_cases.h"
#include "services/sims/drivers/list.h"

namespace mo::sims {
namespace {

DriverSettings Settings() {
  DriverSettings settings;
  settings.driver = "whatsapp_cloud";
  settings.base_url = "http://wa";
  settings.sender_id = "1065";
  settings.access_token = "T0KEN";
  settings.app_secret = "s3cr3t";
  settings.verify_token = "verify me";
  return settings;
}

std::unique_ptr<Driver> TestDriver() {
  auto driver = MakeDriver(Settings());
  REQUIRE(driver.ok());
  return *std::move(driver);
}

std::string Around(const std::string& body) {
  return "POST http://wa/v25.0/1065/messages\nAuthorization: Bearer T0KEN\n"
         "Content-Type: application/json\n" +
         body;
}

std::string ToPerson(const std::string& rest) {
  return R"({"messaging_product":"whatsapp","recipient_type":"individual","to":"+43664",)" + rest +
         R"(,"biz_opaque_callback_data":"mo:77"})";
}

TEST_CASE("WhatsApp: messages become exactly these requests", "[whatsapp]") {
  const std::string media = R"(media { kind: MEDIA_KIND_)";
  const std::vector<SendCase> cases = {
      {"plain",
       "+43664",
       R"(text { body: "Simple" })",
       {ToPerson(R"("type":"text","text":{"body":"Simple","preview_url":false})")}},
      {"unicode, quotes, line breaks, controls",
       "43664",
       R"(text { body: "☺ \"a\"\\\n\001" })",
       {ToPerson(R"("type":"text","text":{"body":"☺ \"a\"\\\n\u0001","preview_url":false})")}},
      {"a preview",
       "+43664",
       R"(text { body: "http://a.b" preview_links: true })",
       {ToPerson(R"("type":"text","text":{"body":"http://a.b","preview_url":true})")}},
      {"user id only",
       "AT.1A2b",
       R"(text { body: "Hi" })",
       {R"({"messaging_product":"whatsapp","recipient_type":"individual","recipient":"AT.1A2b",)"
        R"("type":"text","text":{"body":"Hi","preview_url":false},)"
        R"("biz_opaque_callback_data":"mo:77"})"}},
      {"group",
       "Y2FwaV9ncm91cDo=",
       R"(text { body: "Hi" })",
       {R"({"messaging_product":"whatsapp","recipient_type":"group","to":"Y2FwaV9ncm91cDo=",)"
        R"("type":"text","text":{"body":"Hi","preview_url":false},)"
        R"("biz_opaque_callback_data":"mo:77"})"}},
      {"image by link",
       "+43664",
       media + R"(IMAGE url: "https://x/a.jpg" caption: "Look" })",
       {ToPerson(R"("type":"image","image":{"link":"https://x/a.jpg","caption":"Look"})")}},
      {"image by id",
       "+43664",
       media + R"(IMAGE media_id: "med_1" })",
       {ToPerson(R"("type":"image","image":{"id":"900"})")},
       ErrorClass::kNone,
       "900"},
      {"video",
       "+43664",
       media + R"(VIDEO url: "https://x/a.mp4" caption: "Look" })",
       {ToPerson(R"("type":"video","video":{"link":"https://x/a.mp4","caption":"Look"})")}},
      {"document",
       "+43664",
       media + R"(DOCUMENT url: "https://x/a" caption: "Read" filename: "a.pdf" })",
       {ToPerson(
           R"("type":"document","document":{"link":"https://x/a","caption":"Read","filename":"a.pdf"})")}},
      {"audio",
       "+43664",
       media + R"(AUDIO url: "https://x/a.mp3" })",
       {ToPerson(R"("type":"audio","audio":{"link":"https://x/a.mp3"})")}},
      {"audio takes no caption: two requests",
       "+43664",
       media + R"(AUDIO url: "https://x/a.mp3" caption: "Hear" })",
       {ToPerson(R"("type":"audio","audio":{"link":"https://x/a.mp3"})"),
        ToPerson(R"("type":"text","text":{"body":"Hear","preview_url":false})")}},
      {"location",
       "+43664",
       R"(location { latitude: 48.2082 longitude: -16.3738123 name: "Wien" address: "Ring 1" })",
       {ToPerson(
           R"("type":"location","location":{"latitude":"48.2082","longitude":"-16.3738123","name":"Wien","address":"Ring 1"})")}},
      {"4,096 characters",
       "+43664",
       absl::StrCat("text { body: \"", std::string(4096, 'a'), "\" }"),
       {ToPerson(absl::StrCat(R"("type":"text","text":{"body":")", std::string(4096, 'a'),
                              R"(","preview_url":false})"))}},
      {"4,097 characters",
       "+43664",
       absl::StrCat("text { body: \"", std::string(4097, 'a'), "\" }"),
       {},
       ErrorClass::kMessageRefused},
      {"nothing", "+43664", "", {}, ErrorClass::kMessageRefused},
      {"empty", "+43664", R"(text { body: "" })", {}, ErrorClass::kMessageRefused},
      {"a file that nobody uploaded",
       "+43664",
       media + R"(IMAGE media_id: "med_1" })",
       {},
       ErrorClass::kMediaRefused},
  };
  CheckSends(*TestDriver(), cases, Around);
}

TEST_CASE("WhatsApp: templates, with header media, without variables, with buttons", "[whatsapp]") {
  const auto body = [](const std::string& message, absl::string_view media_id = "") {
    std::vector<http::ClientRequest> requests;
    const common::Content content = ContentOf("message_template { " + message + " }");
    Outgoing outgoing{77, "+43664", content};
    outgoing.provider_media_id = media_id;
    REQUIRE(TestDriver()->MakeRequests(outgoing, requests).accepted());
    REQUIRE(requests.size() == 1);
    return requests[0].body;
  };
  CHECK(
      body(R"(name: "hello" language: "de")") ==
      ToPerson(
          R"("type":"template","template":{"name":"hello","language":{"code":"de","policy":"deterministic"},"components":[]})"));
  CHECK(
      body(R"(name: "a" language: "de" header_parameters: "Ä")") ==
      ToPerson(
          R"("type":"template","template":{"name":"a","language":{"code":"de","policy":"deterministic"},"components":[)"
          R"({"type":"header","parameters":[{"type":"text","text":"Ä"}]}]})"));
  CHECK(
      body(
          R"(name: "a" language: "de" header_media { kind: MEDIA_KIND_DOCUMENT media_id: "med_1" filename: "a.pdf" })",
          "77") ==
      ToPerson(
          R"("type":"template","template":{"name":"a","language":{"code":"de","policy":"deterministic"},"components":[)"
          R"({"type":"header","parameters":[{"type":"document","document":{"id":"77","filename":"a.pdf"}}]}]})"));
  const std::string full =
      R"(name: "order" language: "en_US" header_media { kind: MEDIA_KIND_IMAGE url: "https://x/a.png" }
      body_parameters: "Anna" body_parameters: "\"5\""
      buttons { index: 0 kind: TEMPLATE_BUTTON_KIND_QUICK_REPLY parameter: "yes" }
      buttons { index: 1 kind: TEMPLATE_BUTTON_KIND_URL parameter: "q" })";
  CHECK(
      body(full) ==
      ToPerson(
          R"("type":"template","template":{"name":"order","language":{"code":"en_US","policy":"deterministic"},"components":[)"
          R"({"type":"header","parameters":[{"type":"image","image":{"link":"https://x/a.png"}}]},)"
          R"({"type":"body","parameters":[{"type":"text","text":"Anna"},{"type":"text","text":"\"5\""}]},)"
          R"({"type":"button","sub_type":"quick_reply","index":"0","parameters":[{"type":"payload","payload":"yes"}]},)"
          R"({"type":"button","sub_type":"url","index":"1","parameters":[{"type":"text","text":"q"}]}]})"));
}

TEST_CASE("WhatsApp: something to tap on becomes buttons, a list, a link or a question for a place",
          "[whatsapp]") {
  const auto interactive = [](const std::string& object) {
    return ToPerson(absl::StrCat(R"("type":"interactive","interactive":)", object));
  };
  const std::string three =
      R"(quick_replies { title: "Yes" payload: "y" } quick_replies { title: "No" })"
      R"( quick_replies { title: "\"?\"" })";
  const std::string buttons =
      R"("action":{"buttons":[{"type":"reply","reply":{"id":"y","title":"Yes"}},)"
      R"({"type":"reply","reply":{"id":"No","title":"No"}},)"
      R"({"type":"reply","reply":{"id":"\"?\"","title":"\"?\""}}]}})";
  const std::string text = R"(text { body: "Coming?" } )";
  const std::string picture =
      R"(media { kind: MEDIA_KIND_IMAGE url: "https://x/a.png" caption: "Coming?" } )";
  const std::string list =
      R"("action":{"button":"Menu","sections":[{"rows":[{"id":"y","title":"Yes"},)"
      R"({"id":"No","title":"No"},{"id":"\"?\"","title":"\"?\""},)"
      R"({"id":"4","title":"Later","description":"in a week"}]}]}})";
  const std::string fourth =
      three + R"( quick_replies { title: "Later" payload: "4" description: "in a week" })";
  const std::vector<SendCase> cases = {
      {"three replies",
       "+43664",
       text + three,
       {interactive(R"({"type":"button","body":{"text":"Coming?"},)" + buttons)}},
      {"below a picture",
       "+43664",
       picture + three,
       {interactive(
           R"({"type":"button","header":{"type":"image","image":{"link":"https://x/a.png"}},)"
           R"("body":{"text":"Coming?"},)" +
           buttons)}},
      {"four",
       "+43664",
       text + fourth,
       {interactive(R"({"type":"list","body":{"text":"Coming?"},)" + list)}},
      {"a list has no picture",
       "+43664",
       picture + fourth,
       {ToPerson(R"("type":"image","image":{"link":"https://x/a.png"})"),
        interactive(R"({"type":"list","body":{"text":"Coming?"},)" + list)}},
      {"the list's own word",
       "+43664",
       R"(text { body: "?" } menu_title: "Auswahl" quick_replies { title: "A" description: "b" })",
       {interactive(
           R"({"type":"list","body":{"text":"?"},"action":{"button":"Auswahl","sections":[{"rows":)"
           R"([{"id":"A","title":"A","description":"b"}]}]}})")}},
      {"a link",
       "+43664",
       text + R"(link_button { title: "Open" url: "https://x/" })",
       {interactive(R"({"type":"cta_url","body":{"text":"Coming?"},"action":{"name":"cta_url",)"
                    R"("parameters":{"display_text":"Open","url":"https://x/"}}})")}},
      {"a place, and nothing else",
       "+43664",
       text + three + R"( quick_replies { title: "Here" kind: QUICK_REPLY_KIND_LOCATION })",
       {interactive(R"({"type":"location_request_message","body":{"text":"Coming?"},)"
                    R"("action":{"name":"send_location"}})")}},
      {"a sound goes before",
       "+43664",
       R"(media { kind: MEDIA_KIND_AUDIO url: "https://x/a.mp3" caption: "?" } )"
       R"(link_button { title: "Open" url: "https://x/" })",
       {ToPerson(R"("type":"audio","audio":{"link":"https://x/a.mp3"})"),
        interactive(R"({"type":"cta_url","body":{"text":"?"},"action":{"name":"cta_url",)"
                    R"("parameters":{"display_text":"Open","url":"https://x/"}}})")}},
      {"without words",
       "+43664",
       R"(media { kind: MEDIA_KIND_IMAGE url: "https://x/a.png" } )" + three,
       {},
       ErrorClass::kMessageRefused},
      {"too many words for a link",
       "+43664",
       absl::StrCat(R"(text { body: ")", std::string(1025, 'a'),
                    R"(" } link_button { title: "Open" url: "https://x/" })"),
       {},
       ErrorClass::kMessageRefused},
  };
  CheckSends(*TestDriver(), cases, Around);
}

std::string ErrorBody(int code) {
  return absl::StrCat(R"({"error":{"message":"(x) y","type":"OAuthException","code":)", code,
                      R"(,"error_data":{"messaging_product":"whatsapp","details":"d"}}})");
}

TEST_CASE("WhatsApp: what responses mean", "[whatsapp]") {
  const std::vector<ResponseCase> cases = {
      {"taken", 200, R"({"messages":[{"id":"wamid.1"}]})", ErrorClass::kNone, "wamid.1"},
      {"held, but taken", 200,
       R"({"messages":[{"id":"wamid.2","message_status":"held_for_quality_assessment"}]})",
       ErrorClass::kNone, "wamid.2"},
      {"200 without an id", 200, R"({"messages":[]})", ErrorClass::kUnknownOutcome},
      {"200 that is no JSON", 200, "OK", ErrorClass::kUnknownOutcome},
      {"403 that is no JSON", 403, "Forbidden", ErrorClass::kRetry},
      {"500 Bad Gateway", 500, "Bad Gateway", ErrorClass::kUnknownOutcome},
      {"503", 503, "", ErrorClass::kRetry},
      {"pair rate under 403", 403, ErrorBody(131056), ErrorClass::kPairThrottled},
      {"number rate under 403", 403, ErrorBody(130429), ErrorClass::kThrottled},
      {"429 with code 613", 429, ErrorBody(613), ErrorClass::kThrottled},
      {"429 with a code of tomorrow", 429, ErrorBody(999999), ErrorClass::kThrottled},
      {"500 with a code of tomorrow", 500, ErrorBody(999999), ErrorClass::kRetry},
      {"400 with a code of tomorrow", 400, ErrorBody(999999), ErrorClass::kMessageRefused},
      {"media", 400, ErrorBody(131053), ErrorClass::kMediaRetry},
      {"temporarily blocked", 403, ErrorBody(368), ErrorClass::kSimBlocked},
      {"auth 0", 401, ErrorBody(0), ErrorClass::kSimUnauthorized},
      {"auth 190", 401, ErrorBody(190), ErrorClass::kSimUnauthorized},
      {"permission", 403, ErrorBody(250), ErrorClass::kSimMisconfigured},
      {"spam", 400, ErrorBody(131048), ErrorClass::kCampaignsFrozen},
      {"not on WhatsApp", 400, ErrorBody(131026), ErrorClass::kRecipientGone},
      {"window", 400, ErrorBody(131047), ErrorClass::kWindowClosed},
      {"healthy ecosystem", 400, ErrorBody(131049), ErrorClass::kRecipientLater},
      {"stopped marketing", 400, ErrorBody(131050), ErrorClass::kOptedOut},
      {"user id not allowed", 400, ErrorBody(131062), ErrorClass::kMessageRefused},
      {"template paused", 400, ErrorBody(132015), ErrorClass::kTemplateRefused},
      {"template syncs", 400, ErrorBody(134101), ErrorClass::kRetry},
      {"group rate", 429, ErrorBody(131208), ErrorClass::kThrottled},
      {"unknown group", 400, ErrorBody(131041), ErrorClass::kGroupGone},
  };
  CheckResponses(*TestDriver(), cases);
  const auto outcome =
      TestDriver()->ParseResponse({429, {{"Retry-After", "17"}}, ErrorBody(130429)});
  CHECK(outcome.retry_after == absl::Seconds(17));
  CHECK(outcome.code == 130429);
  CHECK(TestDriver()
            ->ParseResponse(
                {200, {}, R"({"contacts":[{"user_id":"AT.9"}],"messages":[{"id":"wamid.1"}]})"})
            .recipient_id == "AT.9");
}

TEST_CASE("WhatsApp: files go to Meta first", "[whatsapp]") {
  const auto driver = TestDriver();
  const http::ClientRequest request =
      driver->Upload({"med_1", common::MEDIA_KIND_IMAGE, "image/png", "", "\x89PNG"});
  CHECK(request.url == "http://wa/v25.0/1065/media");
  auto parts = http::ParseMultipart(request.body, request.headers.Get("Content-Type"));
  REQUIRE(parts.ok());
  REQUIRE(parts->size() == 3);
  CHECK((*parts)[0].body == "whatsapp");
  CHECK((*parts)[1].body == "image/png");
  CHECK((*parts)[2].filename == "med_1");
  CHECK((*parts)[2].body == "\x89PNG");
  CHECK(driver->ParseUpload({200, {}, R"({"id":"900"})"}).provider_media_id == "900");
  CHECK(driver->ParseUpload({200, {}, "{}"}).error == ErrorClass::kMediaRetry);
  CHECK(driver->ParseUpload({500, {}, ""}).error == ErrorClass::kMediaRetry);
  CHECK(driver->ParseUpload({400, {}, ErrorBody(100)}).error == ErrorClass::kMediaRefused);
  CHECK(driver->ParseUpload({401, {}, ErrorBody(190)}).error == ErrorClass::kSimUnauthorized);
}

TEST_CASE("WhatsApp: files come from Meta by way of their id, with the token", "[whatsapp]") {
  const auto driver = TestDriver();
  const RemoteMedia media{"55", "", "image/jpeg", "", 0};
  auto step = driver->FetchMedia(media, nullptr);
  REQUIRE(step.ok());
  CHECK_FALSE(step->is_file);
  CHECK(step->request.url == "http://wa/v25.0/55?phone_number_id=1065");
  const http::Response found{200, {}, R"({"url":"https://lookaside/1"})"};
  step = driver->FetchMedia(media, &found);
  REQUIRE(step.ok());
  CHECK(step->is_file);
  CHECK(step->request.url == "https://lookaside/1");
  CHECK(step->request.headers.Get("Authorization") == "Bearer T0KEN");
  const http::Response lost{404, {}, "{}"};
  CHECK_FALSE(driver->FetchMedia(media, &lost).ok());
}

TEST_CASE("WhatsApp: what settings need", "[whatsapp]") {
  CHECK(TestDriver()->CheckSettings().ok());
  DriverSettings bare;
  bare.driver = "whatsapp_cloud";
  bare.sender_id = "x1";
  CHECK_FALSE((*MakeDriver(bare))->CheckSettings().ok());
  bare.driver = "pigeon";
  CHECK_FALSE(MakeDriver(bare).ok());
  CHECK((*MakeDriver(Settings()))->ParseProbe({401, {}, ErrorBody(190)}) ==
        ErrorClass::kSimUnauthorized);
}

}  // namespace
}  // namespace mo::sims
