#include "libs/transcode/transcoder.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/api/httpbody.pb.h"
#include "libs/runtime/errors.h"
#include "messageorganizer/accounts/v1/accounts.pb.h"
#include "messageorganizer/contacts/v1/contacts.pb.h"
#include "messageorganizer/inbox/v1/inbox.pb.h"
#include "messageorganizer/media/v1/media.pb.h"
#include "messageorganizer/sims/v1/sims.pb.h"

namespace mo::transcode {
namespace {

using messageorganizer::contacts::v1::Contact;
using messageorganizer::contacts::v1::ListContactsRequest;
using messageorganizer::contacts::v1::RegisterRequest;
using messageorganizer::contacts::v1::UpdateContactRequest;
using messageorganizer::inbox::v1::SendMessageRequest;

const Registry& R() { return Registry::Embedded(); }

absl::StatusOr<std::string> Encode(const std::string& http_method, const std::string& target,
                                   const std::string& body) {
  const size_t mark = target.find('?');
  const RouteMatch match = R().Match(http_method, target.substr(0, mark));
  REQUIRE(match.route != nullptr);
  return EncodeRequest(R(), *match.route, match.values,
                       mark == std::string::npos ? "" : target.substr(mark + 1), body);
}

template <typename RequestT>
RequestT EncodeAs(const std::string& http_method, const std::string& target,
                  const std::string& body) {
  auto bytes = Encode(http_method, target, body);
  INFO(bytes.status());
  REQUIRE(bytes.ok());
  RequestT request;
  REQUIRE(request.ParseFromString(*bytes));
  return request;
}

// "field:REASON" of every problem.
std::string ProblemsOf(const absl::Status& status) {
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  CHECK(ReasonOf(status) == "INVALID_REQUEST");
  std::vector<std::string> lines;
  for (const FieldProblem& problem : FieldProblemsOf(status)) {
    CHECK_FALSE(problem.detail.empty());
    lines.push_back(absl::StrCat(problem.field, ":", problem.reason));
  }
  return absl::StrJoin(lines, " ");
}

TEST_CASE("A whole body becomes the request") {
  const auto request = EncodeAs<RegisterRequest>("POST", "/v1/registrations", R"({
      "network": "NETWORK_WHATSAPP", "phone": "+436641234567", "channels": ["chn_1", "chn_2"],
      "displayName": "Zoë \ud83d\ude00", "attributes": {"city": "Wien", "a.b": "x"}, "language": null})");
  CHECK(request.network() == messageorganizer::common::v1::NETWORK_WHATSAPP);
  CHECK(request.phone() == "+436641234567");
  CHECK(request.channels_size() == 2);
  CHECK(request.display_name() == "Zoë 😀");
  CHECK(request.attributes().at("city") == "Wien");
  CHECK(request.attributes().at("a.b") == "x");
}

TEST_CASE("Path and body field merge") {
  const auto request = EncodeAs<UpdateContactRequest>(
      "PATCH", "/v1/contacts/con_%31?update_mask=display_name,language",
      R"({"id": "con_1", "display_name": "Ann", "attributes": {"k": "v"}})");
  CHECK(request.contact().id() == "con_1");
  CHECK(request.contact().display_name() == "Ann");
  CHECK(request.contact().attributes().at("k") == "v");
  REQUIRE(request.update_mask().paths_size() == 2);
  CHECK(request.update_mask().paths(0) == "display_name");
}

TEST_CASE("An empty body is an empty request") {
  for (const char* body : {"", " \n", "{}"}) {
    CHECK(
        EncodeAs<messageorganizer::sims::v1::PauseSimRequest>("POST", "/v1/sims/sim_1:pause", body)
            .id() == "sim_1");
  }
}

TEST_CASE("The query sets scalars, enums and lists") {
  const auto request = EncodeAs<ListContactsRequest>(
      "GET",
      "/v1/contacts?page_size=7&state=CONTACT_STATE_ACTIVE&query=M%C3%BCller+%26+Co&pageToken=x",
      "");
  CHECK(request.page_size() == 7);
  CHECK(request.state() == messageorganizer::contacts::v1::CONTACT_STATE_ACTIVE);
  CHECK(request.query() == "Müller & Co");
  CHECK(request.page_token() == "x");
}

TEST_CASE("Numbers, times and bytes in their JSON forms") {
  const auto media = EncodeAs<messageorganizer::media::v1::UploadMediaRequest>(
      "POST", "/v1/media", R"({"data": "aGk=", "filename": "a.txt"})");
  CHECK(media.data() == "hi");
  CHECK(EncodeAs<messageorganizer::accounts::v1::UpdateSettingsRequest>(
            "PATCH", "/v1/settings", R"({"delete_pending_after_days": 1e1})")
            .settings()
            .delete_pending_after_days() == 10);
}

struct BadCase {
  const char* http_method;
  const char* target;
  std::string body;
  std::string problems;
};

TEST_CASE("What is wrong is named with its path, all of it") {
  const std::string deep =
      absl::StrCat("{\"attributes\": ", std::string(40, '['), std::string(40, ']'), "}");
  const std::string many_braces(100000, '[');
  const BadCase cases[] = {
      {"POST", "/v1/registrations", "{", ":MALFORMED_JSON"},
      {"POST", "/v1/registrations", "{}x", ":MALFORMED_JSON"},
      {"POST", "/v1/registrations", "{'phone': 'x'}", ":MALFORMED_JSON"},
      {"POST", "/v1/registrations", "{\"phone\": \"x\",}", ":MALFORMED_JSON"},
      {"POST", "/v1/registrations", "{phone: \"x\"}", ":MALFORMED_JSON"},
      {"POST", "/v1/registrations", "{\"phone\": NaN}", ":MALFORMED_JSON"},
      {"POST", "/v1/registrations", "{\"phone\": 1e999}", ":MALFORMED_JSON"},
      {"POST", "/v1/registrations", "{\"phone\": \"\xff\"}", ":MALFORMED_JSON"},
      {"POST", "/v1/registrations", "{\"phone\": \"\\ud800\"}", ":MALFORMED_JSON"},
      {"POST", "/v1/registrations", std::string("{\"phone\": \"a\0b\"}", 16), ":MALFORMED_JSON"},
      {"POST", "/v1/registrations", std::string("{}\0", 3), ":MALFORMED_JSON"},
      {"POST", "/v1/registrations", "{\"phone\": \"a\\u0000b\"}", "phone:BAD_FORMAT"},
      {"POST", "/v1/registrations", "{\"attributes\": {\"a\\u0000\": \"b\"}}",
       std::string("attributes[a\0]:BAD_FORMAT", 25)},
      {"POST", "/v1/registrations", "[]", ":WRONG_TYPE"},
      {"POST", "/v1/registrations", "null", ":WRONG_TYPE"},
      {"POST", "/v1/registrations", "\"x\"", ":WRONG_TYPE"},
      {"POST", "/v1/registrations", "7", ":WRONG_TYPE"},
      {"POST", "/v1/registrations",
       R"({"phone": 5, "nope": {"a": [1]}, "network": "X", "channels": "c"})",
       "phone:WRONG_TYPE nope:UNKNOWN_FIELD network:UNKNOWN_VALUE channels:WRONG_TYPE"},
      {"POST", "/v1/registrations", R"({"network": 99, "phone": {"a": 1}, "language": ["de"]})",
       "network:UNKNOWN_VALUE phone:WRONG_TYPE language:WRONG_TYPE"},
      {"POST", "/v1/registrations", R"({"channels": ["a", 1, null, {"x": 1}, ["b"]]})",
       "channels[1]:WRONG_TYPE channels[2]:WRONG_TYPE channels[3]:WRONG_TYPE "
       "channels[4]:WRONG_TYPE"},
      {"POST", "/v1/registrations", R"({"attributes": ["x"], "phone": "1", "phone": "2"})",
       "attributes:WRONG_TYPE phone:DUPLICATE"},
      {"POST", "/v1/registrations",
       R"({"attributes": {"a": 1, "b": {"c": 1}}, "display_name": true})",
       "attributes[a]:WRONG_TYPE attributes[b]:WRONG_TYPE display_name:WRONG_TYPE"},
      {"POST", "/v1/registrations", R"({"display_name": "a", "displayName": "b"})",
       "displayName:DUPLICATE"},
      {"POST", "/v1/registrations", deep, "attributes:WRONG_TYPE attributes:TOO_DEEP"},
      {"POST", "/v1/registrations", many_braces, ":WRONG_TYPE :TOO_DEEP"},
      {"POST", "/v1/messages", R"({"content": {"text": {"body": 1, "x": 2}, "media": {}}})",
       "content.text.body:WRONG_TYPE content.text.x:UNKNOWN_FIELD content.media:DUPLICATE"},
      {"POST", "/v1/messages",
       R"({"content": {"location": {"latitude": "north", "longitude": [1]}}})",
       "content.location.latitude:WRONG_TYPE content.location.longitude:WRONG_TYPE"},
      {"POST", "/v1/messages", R"({"content": "hi"})", "content:WRONG_TYPE"},
      {"POST", "/v1/media", R"({"data": "a*b", "filename": 3})",
       "data:BAD_FORMAT filename:WRONG_TYPE"},
      {"PATCH", "/v1/contacts/con_1", R"({"contact": {}, "create_time": "yesterday"})",
       "contact:UNKNOWN_FIELD create_time:BAD_FORMAT"},
      {"PATCH", "/v1/settings",
       R"({"delete_pending_after_days": 99999999999, "stop_languages": [1]})",
       "delete_pending_after_days:OUT_OF_RANGE stop_languages[0]:WRONG_TYPE"},
      {"PATCH", "/v1/settings", R"({"delete_pending_after_days": 1.5})",
       "delete_pending_after_days:WRONG_TYPE"},
      {"PATCH", "/v1/settings", R"({"delete_pending_after_days": "12x"})",
       "delete_pending_after_days:WRONG_TYPE"},
      {"PATCH", "/v1/settings", R"({"delete_pending_after_days": "99999999999999999999"})",
       "delete_pending_after_days:OUT_OF_RANGE"},
      {"GET", "/v1/contacts?page_size=x&nope=1&state=FOO", "",
       "nope:UNKNOWN_FIELD page_size:WRONG_TYPE state:UNKNOWN_VALUE"},
      {"GET", "/v1/contacts?page_size=1&page_size=2", "", "page_size:DUPLICATE"},
      {"GET", "/v1/contacts?query=%00", "", "query:BAD_FORMAT"},
      {"GET", "/v1/contacts?query=%ff", "", "query:BAD_FORMAT"},
      {"GET", "/v1/contacts?%ff=1", "", ":UNKNOWN_FIELD"},
      {"GET", "/v1/contacts?page_size.x=1", "", "page_size.x:UNKNOWN_FIELD"},
      {"GET", "/v1/contacts?=1", "", ":UNKNOWN_FIELD"},
      {"GET", "/v1/contacts/%zz", "", "id:BAD_FORMAT"},
      {"GET", "/v1/contacts/a%ff", "", "id:BAD_FORMAT"},
      {"GET", "/v1/contacts/a%00", "", "id:BAD_FORMAT"},
      {"GET", "/v1/contacts/con_1?id=con_2", "", "id:UNKNOWN_FIELD"},
      {"GET", "/v1/contacts", "{}", ":BODY_NOT_ALLOWED"},
      {"POST", "/v1/registrations?phone=1", "{}", "phone:UNKNOWN_FIELD"},
      {"PATCH", "/v1/contacts/con_1", R"({"id": "con_2"})", "contact.id:NOT_AS_IN_PATH"},
      {"POST", "/v1/channels/chn_1/subscriptions", R"({"channelId": "chn_2"})",
       "channel_id:NOT_AS_IN_PATH"},
      {"PATCH", "/v1/contacts/con_1?contact.display_name=x", "{}",
       "contact.display_name:UNKNOWN_FIELD"},
      {"PATCH", "/v1/contacts/con_1?contact.id=x", "{}", "contact.id:UNKNOWN_FIELD"},
  };
  for (const BadCase& c : cases) {
    CAPTURE(c.http_method, c.target, c.body.substr(0, 200));
    auto bytes = Encode(c.http_method, c.target, c.body);
    REQUIRE_FALSE(bytes.ok());
    CHECK(ProblemsOf(bytes.status()) == c.problems);
  }
}

TEST_CASE("The list of problems is bounded") {
  std::string body = "{\"channels\": [1";
  for (int i = 0; i < 5000; ++i) body += ",1";
  auto bytes = Encode("POST", "/v1/registrations", body + "]}");
  REQUIRE_FALSE(bytes.ok());
  CHECK(FieldProblemsOf(bytes.status()).size() == 100);
}

TEST_CASE("Whatever the checker lets pass, the encoder takes") {
  // Strings that the checker might take for a time, and the like.
  for (const char* time :
       {"2026-01-31T12:00:00Z", "2026-01-31T12:00:00.123456789+02:00", "0000-01-31T12:00:00Z",
        "2026-13-31T12:00:00Z", "2026-01-31t12:00:00z", "2026-01-31T12:00:00",
        "2026-01-31T25:00:00Z", "99999-01-31T12:00:00Z", "2026-01-31T12:00:60Z"}) {
    auto bytes =
        Encode("PATCH", "/v1/contacts/con_1", absl::StrCat("{\"create_time\": \"", time, "\"}"));
    CAPTURE(time);
    if (!bytes.ok())
      CHECK(ProblemsOf(bytes.status()) == "create_time:BAD_FORMAT");
    else
      CHECK(UpdateContactRequest().ParseFromString(*bytes));
  }
}

TEST_CASE("Responses print defaults and leave absent messages out") {
  Contact contact;
  contact.set_id("con_1");
  contact.mutable_create_time()->set_seconds(0);
  const RouteMatch match = R().Match("GET", "/v1/contacts/con_1");
  auto http = DecodeResponse(R(), *match.route->method, contact.SerializeAsString());
  REQUIRE(http.ok());
  CHECK(http->content_type == "application/json");
  CHECK(
      http->body ==
      R"({"id":"con_1","network":"NETWORK_UNSPECIFIED","address":"","phone":"","display_name":"",)"
      R"("language":"","state":"CONTACT_STATE_UNSPECIFIED","sim_id":"","attributes":{},"etag":"",)"
      R"("time_zone":"","create_time":"1970-01-01T00:00:00Z"})");
}

TEST_CASE("HttpBody goes out as it is") {
  google::api::HttpBody raw;
  raw.set_content_type("text/vcard");
  raw.set_data(std::string("BEGIN\0", 6));
  const RouteMatch match = R().Match("GET", "/v1/registrations/reg_1/vcard");
  auto http = DecodeResponse(R(), *match.route->method, raw.SerializeAsString());
  REQUIRE(http.ok());
  CHECK(http->content_type == "text/vcard");
  CHECK(http->body == std::string("BEGIN\0", 6));
}

}  // namespace
}  // namespace mo::transcode
