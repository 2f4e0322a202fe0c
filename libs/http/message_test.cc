#include "libs/http/message.h"

#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"

namespace mo::http {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

TEST_CASE("headers compare without case and keep their order") {
  Headers headers{{"Content-Type", "a"}, {"X", "1"}, {"x", "2"}};
  CHECK(headers.Get("content-TYPE") == "a");
  CHECK(headers.Get("x") == "1");
  CHECK(headers.Find("y") == nullptr);
  headers.Set("X", "3");
  CHECK(headers.size() == 2);
  CHECK(headers.Get("x") == "3");
  headers.Remove("CONTENT-TYPE");
  CHECK_FALSE(headers.Has("content-type"));
}

TEST_CASE("percent encoding goes there and back, and refuses what is cut or not hexadecimal") {
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
  CHECK(PercentDecode(PercentEncode(all)) == all);
  CHECK(PercentEncode("a-Z_0.~ /%\xC3\xA4") == "a-Z_0.~%20%2F%25%C3%A4");
  CHECK(PercentDecode("%41%6a%6A+") == "Ajj+");
  CHECK(PercentDecode("a+b%2B", true) == "a b+");
  CHECK(PercentDecode("%00") == std::string(1, '\0'));
  CHECK(PercentDecode("%2525") == "%25");
  for (const char* bad : {"%", "%4", "a%", "%zz", "%4g", "%%41", "%-1"}) {
    CAPTURE(bad);
    CHECK_FALSE(PercentDecode(bad).has_value());
  }
}

TEST_CASE("queries become pairs") {
  CHECK(ParseQuery("").empty());
  CHECK(ParseQuery("a=1&b=x+y%26&a=2") == Pairs{{"a", "1"}, {"b", "x y&"}, {"a", "2"}});
  CHECK(ParseQuery("a&=b&&c=&d=e=f&") == Pairs{{"a", ""}, {"", "b"}, {"c", ""}, {"d", "e=f"}});
  CHECK(ParseQuery("a=%zz&%=1+2") == Pairs{{"a", "%zz"}, {"%", "1 2"}});
  CHECK(ParseQuery("&&&").empty());
  CHECK(ParseQuery(std::string(100'000, '&')).empty());
}

constexpr char kType[] = "multipart/form-data; boundary=AaB";

TEST_CASE("a multipart body is cut into its parts") {
  const std::string body =
      "--AaB\r\n"
      "Content-Disposition: form-data; name=\"note\"\r\n\r\n"
      "hello\r\n--AaBc\r\n world\r\n"
      "--AaB \t\r\n"
      "content-disposition: form-data; name=file; filename=\"C:\\a \\\"b\\\"; c.png\"\r\n"
      "Content-Type: image/png\r\n\r\n" +
      std::string("\0\r\n\x89-", 5) +
      "\r\n--AaB\r\n"
      "Content-Disposition: form-data; name=\"empty\"\r\n\r\n"
      "\r\n--AaB--\r\ntail";
  const auto parts = ParseMultipart(body, kType);
  REQUIRE(parts.ok());
  REQUIRE(parts->size() == 3);
  CHECK((*parts)[0].name == "note");
  CHECK((*parts)[0].body == "hello\r\n--AaBc\r\n world");
  CHECK((*parts)[1].name == "file");
  CHECK((*parts)[1].filename == "C:\\a \"b\"; c.png");
  CHECK((*parts)[1].content_type == "image/png");
  CHECK((*parts)[1].body == absl::string_view("\0\r\n\x89-", 5));
  CHECK((*parts)[2].name == "empty");
  CHECK((*parts)[2].body.empty());
}

TEST_CASE("no parts at all, and a quoted boundary") {
  const auto parts = ParseMultipart("--a b--", "Multipart/Form-Data; charset=x; boundary=\"a b\"");
  REQUIRE(parts.ok());
  CHECK(parts->empty());
}

TEST_CASE("a multipart body that is not well formed is refused") {
  const std::string head = "--AaB\r\nContent-Disposition: form-data; name=a\r\n\r\n";
  struct Case {
    std::string type, body;
  };
  const auto bad = GENERATE_COPY(values<Case>({
      {"application/json", "{}"},
      {"", ""},
      {"multipart/form-data", head + "x\r\n--AaB--"},
      {"multipart/form-data; boundary=", head + "x\r\n--AaB--"},
      {"multipart/form-data; boundary=\"AaB", head + "x\r\n--AaB--"},
      {"multipart/form-data; boundary=" + std::string(71, 'a'), "--" + std::string(71, 'a') + "--"},
      {kType, ""},
      {kType, "--AaB"},
      {kType, "--Aa"},
      {kType, head},
      {kType, head + "x"},
      {kType, head + "x\r\n--AaB"},
      {kType, head + "x\r\n--AaB\r\n"},
      {kType, head + "x--AaB--"},
      {kType, "--AaB\r\n\r\nx\r\n--AaB--"},
      {kType, "--AaB\r\nContent-Type: text/plain\r\n\r\nx\r\n--AaB--"},
      {kType, "--AaB\r\nno colon\r\n\r\nx\r\n--AaB--"},
      {kType, "--AaB\r\nX: " + std::string(9000, 'a') + "\r\n\r\nx\r\n--AaB--"},
  }));
  CAPTURE(bad.type, bad.body);
  CHECK(ParseMultipart(bad.body, bad.type).status().code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("the number of parts is limited") {
  const auto with = [](int n) {
    std::string body;
    for (int i = 0; i < n; ++i) {
      absl::StrAppend(&body, "--AaB\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n");
    }
    return body + "--AaB--";
  };
  CHECK(ParseMultipart(with(64), kType).ok());
  CHECK_FALSE(ParseMultipart(with(65), kType).ok());
}

TEST_CASE("A multipart body that is written can be read, whatever its parts contain") {
  const std::string data("--messageorganizer-part\r\n\0\xff binary", 34);
  std::string type;
  const std::string body = EncodeMultipart(
      {{"messaging_product", "", "", "whatsapp"}, {"file", "a\"b\r\n.png", "image/png", data}},
      &type);
  auto parts = ParseMultipart(body, type);
  REQUIRE(parts.ok());
  REQUIRE(parts->size() == 2);
  CHECK((*parts)[0].name == "messaging_product");
  CHECK((*parts)[0].body == "whatsapp");
  CHECK((*parts)[1].filename == "a%22b%0D%0A.png");
  CHECK((*parts)[1].content_type == "image/png");
  CHECK((*parts)[1].body == data);
}

}  // namespace
}  // namespace mo::http
