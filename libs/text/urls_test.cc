#include "libs/text/urls.h"

#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"

namespace mo::text {
namespace {

std::string Marked(absl::string_view text) {
  return ReplaceUrls(text, [](absl::string_view url) { return absl::StrCat("[", url, "]"); });
}

TEST_CASE("URLs end where people end them") {
  CHECK(Marked("no link") == "no link");
  CHECK(Marked("") == "");
  CHECK(Marked("https://a.at/x") == "[https://a.at/x]");
  CHECK(Marked("See https://a.at/x, or HTTP://B.at!") == "See [https://a.at/x], or [HTTP://B.at]!");
  CHECK(Marked("(https://a.at/x)") == "([https://a.at/x])");
  CHECK(Marked("https://a.at/x_(y)") == "[https://a.at/x_(y)]");
  CHECK(Marked("*https://a.at/x*") == "*[https://a.at/x]*");
  CHECK(Marked("<https://a.at/x>\n\"https://b.at\"") == "<[https://a.at/x]>\n\"[https://b.at]\"");
  CHECK(Marked("https://a.at/?q=1&r=%20#f.") == "[https://a.at/?q=1&r=%20#f].");
  CHECK(Marked("https://a.at https://a.at") == "[https://a.at] [https://a.at]");
}

TEST_CASE("What is no URL for everybody stays") {
  CHECK(Marked("https://a.at/{{name}}") == "https://a.at/{{name}}");
  CHECK(Marked("https://a.at/{{name}}/x and https://b.at") ==
        "https://a.at/{{name}}/x and [https://b.at]");
  CHECK(Marked("xhttps://a.at") == "xhttps://a.at");
  CHECK(Marked("https:// and http://.") == "https:// and http://.");
  CHECK(Marked("https://me:secret@a.at/") == "https://me:secret@a.at/");
  const std::string lengthy = absl::StrCat("https://a.at/", std::string(2048, 'x'));
  CHECK(Marked(lengthy) == lengthy);
  CHECK(Marked("ftp://a.at www.a.at") == "ftp://a.at www.a.at");
}

}  // namespace
}  // namespace mo::text
