#include "services/contacts/cards.h"

#include <png.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstring>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace mo::contacts {
namespace {

namespace pb = messageorganizer::common::v1;

TEST_CASE("DeepLink") {
  struct Case {
    Network network;
    const char* address;
    const char* text;
    const char* want;
  };
  const Case kCases[] = {
      {pb::NETWORK_WHATSAPP, "+436641234567", "", "https://wa.me/436641234567"},
      {pb::NETWORK_WHATSAPP, "+43 664/123-45 67", "Hallo & Grüße",
       "https://wa.me/436641234567?text=Hallo%20%26%20Gr%C3%BC%C3%9Fe"},
      {pb::NETWORK_TELEGRAM, "acme_bot", "", "https://t.me/acme_bot"},
      {pb::NETWORK_TELEGRAM, "@acme_bot", "reg_A-9", "https://t.me/acme_bot?start=reg_A-9"},
      {pb::NETWORK_TELEGRAM, "a/../b?c#d", "", "https://t.me/a%2F..%2Fb%3Fc%23d"},
      {pb::NETWORK_MESSENGER, "acme.page", "a b=c", "https://m.me/acme.page?ref=a%20b%3Dc"},
      {pb::NETWORK_SMS, "+436641234567", "", "sms:+436641234567"},
      {pb::NETWORK_SMS, "+43 664 1234567", "Start ~50% + 1?\n🙏",
       "sms:+436641234567?body=Start%20~50%25%20%2B%201%3F%0A%F0%9F%99%8F"},
      {pb::NETWORK_SMS, "0828 20220", "NEWS", "sms:082820220?body=NEWS"},
      {pb::NETWORK_UNSPECIFIED, "x", "y", ""},
  };
  for (const Case& c : kCases) CHECK(DeepLink(c.network, c.address, c.text) == c.want);
}

TEST_CASE("VCard: fields and escaping") {
  CHECK(VCard("Müller; Söhne, \\Wien\r\nGraz\t", pb::NETWORK_SMS, "+43 664 1234567") ==
        "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Müller\\; Söhne\\, \\\\Wien\\nGraz;;;;\r\nFN:Müller\\; "
        "Söhne\\, \\\\Wien\\nGraz\r\n"
        "TEL;TYPE=CELL:+436641234567\r\nEND:VCARD\r\n");
  CHECK(VCard("A", pb::NETWORK_WHATSAPP, "+431").find("\r\nTEL;TYPE=CELL:+431\r\n") !=
        std::string::npos);
  CHECK(VCard("A", pb::NETWORK_TELEGRAM, "@b_bot").find("\r\nURL:https://t.me/b_bot\r\n") !=
        std::string::npos);
  CHECK(VCard("A", pb::NETWORK_MESSENGER, "p").find("\r\nURL:https://m.me/p\r\n") !=
        std::string::npos);
  CHECK(VCard("A", pb::NETWORK_UNSPECIFIED, "p") ==
        "BEGIN:VCARD\r\nVERSION:3.0\r\nN:A;;;;\r\nFN:A\r\nEND:VCARD\r\n");
}

TEST_CASE("VCard: long lines are folded between characters") {
  for (size_t shift = 0; shift < 5; ++shift) {
    for (const char* character : {"a", "ü", "€", "🙏", "\x80"}) {
      std::string name(shift, 'x');
      while (name.size() < 400) name += character;
      const std::string card = VCard(name, pb::NETWORK_SMS, "+431");
      size_t longest = 0;
      for (absl::string_view line : absl::StrSplit(card, "\r\n")) {
        longest = std::max(longest, line.size());
        absl::string_view content = line;
        if (!content.empty() && content[0] == ' ') content.remove_prefix(1);
        if (*character != '\x80' && !content.empty()) CHECK((content[0] & 0xC0) != 0x80);
      }
      CHECK(longest <= 75);
      CHECK(longest > 70);
      const std::string unfolded = absl::StrReplaceAll(card, {{"\r\n ", ""}});
      CHECK(unfolded.find("\r\nFN:" + name + "\r\n") != std::string::npos);
    }
  }
  const std::string exact = VCard(std::string(72, 'x'), pb::NETWORK_SMS, "+431");
  CHECK(exact.find("\r\nFN:" + std::string(72, 'x') + "\r\n") != std::string::npos);
}

using Pixels = std::set<std::pair<int, int>>;

struct Image {
  int width = 0;
  int height = 0;
  int depth = 0;
  int color = 0;
  Pixels dark;
};

struct Source {
  const std::string* png;
  size_t at;
};

Image ReadPng(const std::string& bytes) {
  Source source{&bytes, 0};
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_read_fn(png, &source, [](png_structp reader, png_bytep data, size_t size) {
    auto* from = static_cast<Source*>(png_get_io_ptr(reader));
    if (from->at + size > from->png->size()) png_error(reader, "truncated");
    std::memcpy(data, from->png->data() + from->at, size);
    from->at += size;
  });
  png_read_info(png, info);
  Image out;
  out.width = static_cast<int>(png_get_image_width(png, info));
  out.height = static_cast<int>(png_get_image_height(png, info));
  out.depth = png_get_bit_depth(png, info);
  out.color = png_get_color_type(png, info);
  std::vector<png_byte> row(png_get_rowbytes(png, info));
  for (int y = 0; y < out.height; ++y) {
    png_read_row(png, row.data(), nullptr);
    for (int x = 0; x < out.width; ++x) {
      if ((row[static_cast<size_t>(x / 8)] >> (7 - x % 8) & 1) == 0) out.dark.emplace(x, y);
    }
  }
  png_read_end(png, nullptr);
  CHECK(source.at == bytes.size());
  png_destroy_read_struct(&png, &info, nullptr);
  return out;
}

// The size and the dark modules of our SVGs: runs "M<x> <y>h<n>v1H<x>z" in the last path.
Image ReadSvg(const std::string& svg) {
  Image out;
  const size_t box = svg.find("viewBox=\"0 0 ");
  REQUIRE(box != std::string::npos);
  REQUIRE(std::sscanf(svg.c_str() + box, "viewBox=\"0 0 %d %d\"", &out.width, &out.height) == 2);
  const size_t path = svg.find("<path d=\"");
  REQUIRE(path != std::string::npos);
  const char* at = svg.c_str() + path + std::strlen("<path d=\"");
  int x, y, run, back, used;
  while (std::sscanf(at, "M%d %dh%dv1H%dz%n", &x, &y, &run, &back, &used) == 4) {
    CHECK(back == x);
    for (int i = 0; i < run; ++i) out.dark.emplace(x + i, y);
    at += used;
  }
  CHECK(std::string(at) == "\"/></svg>");
  return out;
}

TEST_CASE("QrSvg and QrPng draw the same code") {
  for (const std::string& text :
       {std::string("https://wa.me/436641234567?text=Hallo"), std::string("1"),
        VCard("Grüße", pb::NETWORK_SMS, "+436641234567"), std::string(2000, 'x')}) {
    const auto svg = QrSvg(text);
    REQUIRE(svg.ok());
    const Image modules = ReadSvg(*svg);
    CHECK(modules.width == modules.height);
    CHECK((modules.width - 8 - 17) % 4 == 0);
    // The finder pattern's corner touches the quiet zone.
    CHECK(modules.dark.count({4, 4}) == 1);
    CHECK(modules.dark.begin()->first == 4);
    for (const int scale : {1, 3, 8}) {
      const auto png = QrPng(text, scale);
      REQUIRE(png.ok());
      const Image image = ReadPng(*png);
      CHECK(image.depth == 1);
      CHECK(image.color == PNG_COLOR_TYPE_GRAY);
      CHECK(image.width == modules.width * scale);
      CHECK(image.height == modules.width * scale);
      Pixels scaled;
      for (const auto& [x, y] : image.dark) scaled.emplace(x / scale, y / scale);
      CHECK(scaled == modules.dark);
      CHECK(image.dark.size() == modules.dark.size() * static_cast<size_t>(scale * scale));
    }
  }
}

TEST_CASE("QR codes: different texts differ, bad ones are refused") {
  CHECK(*QrSvg("https://wa.me/431") != *QrSvg("https://wa.me/432"));
  CHECK(*QrSvg("abc") != *QrSvg("ABC"));
  CHECK(QrPng(std::string(2331, '\xFF'), kMaxQrScale).ok());
  for (const std::string& text :
       {std::string(), std::string("a\0b", 3), std::string(2332, '\xFF')}) {
    CHECK(QrSvg(text).status().code() == absl::StatusCode::kInvalidArgument);
    CHECK(QrPng(text, 1).status().code() == absl::StatusCode::kInvalidArgument);
  }
  for (const int scale : {0, -1, kMaxQrScale + 1}) {
    CHECK(QrPng("x", scale).status().code() == absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace mo::contacts
