#include "libs/text/content.h"

#include <catch2/catch.hpp>
#include <limits>

namespace mo::text {
namespace {

using messageorganizer::common::v1::Content;

Content Text(const std::string& body) {
  Content content;
  content.mutable_text()->set_body(body);
  return content;
}

std::vector<std::string> FieldsWrong(const Content& content) {
  Problems problems;
  CheckOutbound(content, "content", {"name"}, problems);
  std::vector<std::string> fields;
  for (const auto& problem : problems.list())
    fields.push_back(problem.field + " " + problem.reason);
  return fields;
}

using Fields = std::vector<std::string>;

TEST_CASE("A content to send is of one kind that can be sent, with known placeholders") {
  CHECK(FieldsWrong(Text("Hallo {{name|du}} {{attributes.row_1}}")).empty());
  CHECK(FieldsWrong(Content()) == Fields{"content REQUIRED"});
  CHECK(FieldsWrong(Text("{{nmae}}")) == Fields{"content.text.body BAD_PLACEHOLDER"});
  Content content;
  content.mutable_unsupported();
  CHECK(FieldsWrong(content) == Fields{"content.unsupported INBOUND_ONLY"});
  content.mutable_media()->set_caption("{{");
  CHECK(FieldsWrong(content) ==
        Fields{"content.media.media_id REQUIRED", "content.media.caption BAD_PLACEHOLDER"});
  content.mutable_media()->set_caption("");
  content.mutable_media()->set_url("https://example.com/a.jpg");
  CHECK(FieldsWrong(content).empty());
  content.mutable_media()->set_media_id("med_0000000000001");
  CHECK(FieldsWrong(content) == Fields{"content.media.media_id CONFLICT"});
  content.mutable_location()->set_latitude(90.1);
  content.mutable_location()->set_longitude(std::numeric_limits<double>::quiet_NaN());
  CHECK(FieldsWrong(content) == Fields{"content.location.latitude OUT_OF_RANGE",
                                       "content.location.longitude OUT_OF_RANGE"});
}

TEST_CASE("Placeholders are replaced; what they bring in is not looked into") {
  const auto lookup = [](absl::string_view name) -> absl::optional<std::string> {
    if (name == "name") return "{{name}}";
    return absl::nullopt;
  };
  CHECK(RenderContent(Text("Hi {{name}}, {{attributes.a|you}}"), lookup).text().body() ==
        "Hi {{name}}, you");
  CHECK(RenderContent(Text(std::string(4095, 'x') + "{{attributes.a|ä}}"), lookup).text().body() ==
        std::string(4095, 'x'));
}

TEST_CASE("A snippet is cut between characters and tells of what has no words") {
  CHECK(Snippet(Text("Grüße"), 3) == "Gr");
  CHECK(Snippet(Text("Grüße"), 4) == "Grü");
  Content content;
  content.mutable_media()->set_filename("menu.pdf");
  CHECK(Snippet(content, 200) == "menu.pdf");
  content.mutable_location()->set_latitude(48.2);
  content.mutable_location()->set_longitude(16.37);
  CHECK(Snippet(content, 200) == "48.200000, 16.370000");
}

TEST_CASE("A template's parts are checked each, and filled in each") {
  Content content;
  auto& message = *content.mutable_message_template();
  message.set_name("sale");
  message.set_language("de");
  message.add_body_parameters("{{nmae}}");
  message.add_body_parameters("");
  message.add_header_parameters("{{name}}");
  message.mutable_header_media()->set_kind(messageorganizer::common::v1::MEDIA_KIND_AUDIO);
  CHECK(FieldsWrong(content) ==
        Fields{"content.message_template.header_media.media_id REQUIRED",
               "content.message_template.header_media.kind NOT_SUPPORTED",
               "content.message_template.header_parameters CONFLICT",
               "content.message_template.body_parameters[1] REQUIRED",
               "content.message_template.body_parameters[0] BAD_PLACEHOLDER"});
  message.clear_header_media();
  message.set_body_parameters(0, "Dear {{name|you}}");
  message.set_body_parameters(1, "now");
  auto& button = *message.add_buttons();
  button.set_parameter("?n={{name}}");
  CHECK(FieldsWrong(content).empty());
  const Content rendered = RenderContent(
      content, [](absl::string_view) -> absl::optional<std::string> { return "Anna"; });
  CHECK(rendered.message_template().header_parameters(0) == "Anna");
  CHECK(rendered.message_template().body_parameters(0) == "Dear Anna");
  CHECK(rendered.message_template().buttons(0).parameter() == "?n=Anna");
  CHECK(Snippet(rendered, 100) == "sale: Dear Anna, now");
}

TEST_CASE("What may be tapped on goes with words, and is told apart by them") {
  Content content = Text("Which one?");
  content.add_quick_replies()->set_title("This one");
  content.add_quick_replies()->set_title("ÄÖÜÄÖÜÄÖÜÄÖÜÄÖÜÄÖÜÄÖ");
  CHECK(FieldsWrong(content).empty());
  content.mutable_quick_replies(1)->set_title("This one");
  content.add_quick_replies()->set_title(std::string(21, 'x'));
  content.add_quick_replies();
  content.mutable_link_button()->set_title("Open");
  content.set_menu_title(std::string(21, 'x'));
  CHECK(FieldsWrong(content) ==
        Fields{"content.quick_replies CONFLICT", "content.quick_replies[1].title DUPLICATE",
               "content.quick_replies[3].title REQUIRED", "content.menu_title TOO_LONG"});
  Content silent;
  silent.mutable_media()->set_url("https://example.com/a.jpg");
  silent.add_quick_replies()->set_title("Yes");
  CHECK(FieldsWrong(silent) == Fields{"content.quick_replies NEEDS_WORDS"});
}

}  // namespace
}  // namespace mo::text
