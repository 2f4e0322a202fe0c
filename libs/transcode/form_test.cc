#include "libs/transcode/form.h"

#include <catch2/catch.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "libs/runtime/errors.h"
#include "messageorganizer/media/v1/media.pb.h"

namespace mo::transcode {
namespace {

const Route& Upload() { return *Registry::Embedded().Match("POST", "/v1/media").route; }

// A form of "header|body" parts.
std::string Form(const std::vector<std::string>& parts) {
  std::string form;
  for (const std::string& part : parts) {
    const size_t bar = part.find('|');
    absl::StrAppend(&form, "--X\r\nContent-Disposition: form-data; ", part.substr(0, bar),
                    "\r\n\r\n", part.substr(bar + 1), "\r\n");
  }
  return form + "--X--\r\n";
}

TEST_CASE("Only an upload takes forms") {
  CHECK(FileField(Upload())->name() == "data");
  CHECK(FileField(*Registry::Embedded().Match("POST", "/v1/registrations").route) == nullptr);
  CHECK(FileField(*Registry::Embedded().Match("GET", "/v1/media/x").route) == nullptr);
}

TEST_CASE("Forms become requests") {
  struct Case {
    std::vector<std::string> parts;
    std::string data, filename;
  };
  const Case cases[] = {
      {{"name=\"file\"; filename=\"ä.png\"|\x89PNG\r\n\xff"}, "\x89PNG\r\n\xff", "ä.png"},
      {{"name=\"data\"|abc"}, "abc", ""},
      {{"name=\"filename\"|b.png", "name=\"file\"; filename=\"a.png\"|abc"}, "abc", "b.png"},
      {{"name=\"filename\"|b.png"}, "", "b.png"},
  };
  for (const Case& c : cases) {
    auto bytes = EncodeForm(Upload(), "multipart/form-data; boundary=X", Form(c.parts));
    INFO(bytes.status());
    REQUIRE(bytes.ok());
    messageorganizer::media::v1::UploadMediaRequest request;
    REQUIRE(request.ParseFromString(*bytes));
    CHECK(request.data() == c.data);
    CHECK(request.filename() == c.filename);
  }
}

TEST_CASE("Forms that are wrong name the part") {
  struct Case {
    std::string body;
    const char* field;
    const char* reason;
  };
  const Case cases[] = {
      {"", "", "MALFORMED_FORM"},
      {"--X\r\n", "", "MALFORMED_FORM"},
      {Form({"name=\"nope\"|x"}), "nope", "UNKNOWN_FIELD"},
      {Form({"name=\"file\"|x", "name=\"data\"|y"}), "data", "DUPLICATE"},
      {Form({"name=\"filename\"|\xff"}), "filename", "BAD_FORMAT"},
      {Form({std::string("name=\"filename\"|a\0b", 19)}), "filename", "BAD_FORMAT"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.body, c.reason);
    auto bytes = EncodeForm(Upload(), "multipart/form-data; boundary=X", c.body);
    REQUIRE_FALSE(bytes.ok());
    const auto problems = FieldProblemsOf(bytes.status());
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].field == c.field);
    CHECK(problems[0].reason == c.reason);
  }
}

}  // namespace
}  // namespace mo::transcode
