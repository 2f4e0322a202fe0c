#include "libs/tracking/tracker.h"

#include <catch2/catch.hpp>

namespace mo::tracking {
namespace {

using messageorganizer::common::v1::Content;

std::string Mark(size_t n) { return absl::StrCat("<", n, ">"); }

TEST_CASE("URLs of texts, captions and templates are marked, each once") {
  Content content;
  content.mutable_text()->set_body("https://a.at or https://b.at, again https://a.at.");
  CHECK(MarkUrls(content, Mark) == std::vector<std::string>{"https://a.at", "https://b.at"});
  CHECK(content.text().body() == "<0> or <1>, again <0>.");
  content.mutable_link_button()->set_url("https://a.at");
  content.mutable_text()->set_body("https://b.at");
  CHECK(MarkUrls(content, Mark).size() == 2);
  CHECK(content.link_button().url() == "<1>");
  content.clear_link_button();
  content.mutable_media()->set_caption("See https://a.at");
  CHECK(MarkUrls(content, Mark).size() == 1);
  CHECK(content.media().caption() == "See <0>");
  auto& message = *content.mutable_message_template();
  message.add_body_parameters("https://a.at");
  message.add_buttons()->set_parameter("https://c.at");
  CHECK(MarkUrls(content, Mark) == std::vector<std::string>{"https://a.at"});
  CHECK(message.body_parameters(0) == "<0>");
  CHECK(message.buttons(0).parameter() == "https://c.at");
}

TEST_CASE("Every recipient has links of its own, which are the same each time") {
  messageorganizer::links::v1::ShortenLinksResponse shortened;
  shortened.set_base_url("https://go.test/");
  shortened.add_links()->set_first_number(100);
  shortened.add_links()->set_first_number(200);
  const PersonalLinks links(shortened, short_codes::ShortCodes({}));
  const short_codes::ShortCodes codes({});
  CHECK(links.Of(0) == std::vector<std::string>{"https://go.test/" + codes.Encode(100),
                                                "https://go.test/" + codes.Encode(200)});
  CHECK(links.Of(7)[1] == "https://go.test/" + codes.Encode(207));
}

}  // namespace
}  // namespace mo::tracking
