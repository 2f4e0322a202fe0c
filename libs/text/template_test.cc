#include "libs/text/template.h"

#include <catch2/catch.hpp>
#include <map>

namespace mo::text {
namespace {

constexpr absl::string_view kAllowed[] = {"first_name", "contact.name", "link"};

std::string Render(absl::string_view text, const std::map<std::string, std::string>& values) {
  const absl::StatusOr<Template> parsed = Template::Parse(text, kAllowed);
  REQUIRE(parsed.ok());
  return parsed->Render([&](absl::string_view name) -> absl::optional<std::string> {
    const auto it = values.find(std::string(name));
    if (it == values.end()) return absl::nullopt;
    return it->second;
  });
}

TEST_CASE("Template: renders") {
  CHECK(Render("", {}) == "");
  CHECK(Render("Hallo", {}) == "Hallo");
  CHECK(Render("Hallo {{first_name}}!", {{"first_name", "Zoë"}}) == "Hallo Zoë!");
  CHECK(Render("{{first_name|du}}{{link}}", {{"link", "x"}}) == "dux");
  CHECK(Render("{{first_name|du da}}", {{"first_name", ""}}) == "du da");
  CHECK(Render("{{first_name}}", {}) == "");
  CHECK(Render("{{ contact.name | you }}", {}) == " you ");
  CHECK(Render("{{attributes.size_2|L}}", {{"attributes.size_2", "XL"}}) == "XL");
  CHECK(Render("{{first_name|a|b}}", {}) == "a|b");
  CHECK(Render("{a} }} {", {}) == "{a} }} {");
  CHECK(Render("{{link}}}", {{"link", "x"}}) == "x}");
}

TEST_CASE("Template: values are not templates") {
  CHECK(Render("{{first_name}} {{link}}", {{"first_name", "{{link}}"}, {"link", "secret"}}) ==
        "{{link}} secret");
}

TEST_CASE("Template: names") {
  const auto parsed =
      Template::Parse("{{link}} {{first_name|x}} {{link|y}} {{attributes.a}}", kAllowed);
  REQUIRE(parsed.ok());
  CHECK(parsed->names() == std::vector<std::string>{"link", "first_name", "attributes.a"});
}

TEST_CASE("Template: refuses, naming the placeholder and its place") {
  const std::pair<const char*, const char*> kCases[] = {
      {"Grüße {{frist_name}}", "unknown placeholder \"frist_name\" at character 7"},
      {"{{link}} {{}}", "unknown placeholder \"\" at character 10"},
      {"{{Link}}", "unknown placeholder \"Link\" at character 1"},
      {"{{attributes.}}", "unknown placeholder \"attributes.\" at character 1"},
      {"{{attributes.a b}}", "unknown placeholder \"attributes.a b\" at character 1"},
      {"{{attributes}}", "unknown placeholder \"attributes\" at character 1"},
      {"{{{link}}}", "unknown placeholder \"{link\" at character 1"},
      {"a {{link", "placeholder is not closed: \"{{link\" at character 3"},
      {"a {{link} b", "placeholder is not closed: \"{{link\" at character 3"},
      {"{{", "placeholder is not closed: \"{{\" at character 1"},
      {"{{link|{{first_name}}}}",
       "placeholder within a placeholder: \"link|{{first_name\" at character 1"},
      {"x{{link", "placeholder is not closed: \"{{link\" at character 2"},
  };
  for (const auto& [text, message] : kCases) {
    INFO(text);
    const auto parsed = Template::Parse(text, kAllowed);
    REQUIRE(parsed.status().code() == absl::StatusCode::kInvalidArgument);
    CHECK(std::string(parsed.status().message()) == message);
  }
}

}  // namespace
}  // namespace mo::text
