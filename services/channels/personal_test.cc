#include "services/channels/personal.h"

#include <catch2/catch.hpp>

#include "services/channels/broadcast_world.h"

namespace mo::channels {
namespace {

using Strings = std::vector<std::string>;

TEST_CASE("Tracked URLs are placeholders, of which every recipient has its own values") {
  common::Content content;
  content.mutable_text()->set_body(
      "Hi {{name|you}}: https://a.at/x, https://b.at or https://a.at/x. {{city}}");
  const Personal plain(content);
  CHECK(plain.urls().empty());
  CHECK(plain.content().text().body() ==
        "Hi {{0}}: https://a.at/x, https://b.at or https://a.at/x. {{1}}");
  const Personal tracked(content, /*track_links=*/true);
  CHECK(tracked.urls() == Strings{"https://a.at/x", "https://b.at"});
  CHECK(tracked.content().text().body() == "Hi {{0}}: {{1}}, {{2}} or {{1}}. {{3}}");
  CHECK(tracked.names() == Strings{"0", "1", "2", "3"});
  CHECK(tracked.parameters() == plain.parameters());
  CHECK(tracked.ValuesOf(Strings{"", "Wien"}, {"https://go/1", "https://go/2"}) ==
        Strings{"you", "https://go/1", "https://go/2", "Wien"});
}

TEST_CASE("At most fifty URLs and placeholders together are tracked") {
  common::Content content;
  std::string text = "{{name}}";
  for (int i = 0; i < 49; ++i) absl::StrAppend(&text, " https://a.at/", i);
  content.mutable_text()->set_body(text);
  Problems problems;
  CheckTracked(content, "track_links", problems);
  CHECK(problems.empty());
  content.mutable_text()->set_body(text + " https://b.at");
  CheckTracked(content, "track_links", problems);
  REQUIRE(problems.list().size() == 1);
  CHECK(problems.list()[0].field == "track_links");
}

}  // namespace
}  // namespace mo::channels
