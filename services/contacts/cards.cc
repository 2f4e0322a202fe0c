#include "services/contacts/cards.h"

#include <png.h>
#include <qrencode.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace mo::contacts {
namespace {

namespace pb = messageorganizer::common::v1;

// White modules around the code, as the standard demands.
constexpr int kQuietZone = 4;

// RFC 3986: everything but the unreserved characters, which is also what RFC 5724 asks of a body.
std::string PercentEncode(absl::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte) || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

std::string Digits(absl::string_view number) {
  std::string out;
  for (const char c : number) {
    if (absl::ascii_isdigit(static_cast<unsigned char>(c))) out += c;
  }
  return out;
}

// The number without separators; a short code has no plus.
std::string Telephone(absl::string_view number) {
  return absl::StrCat(absl::StartsWith(absl::StripLeadingAsciiWhitespace(number), "+") ? "+" : "",
                      Digits(number));
}

std::string WithParameter(std::string link, absl::string_view name, absl::string_view value) {
  if (!value.empty()) absl::StrAppend(&link, "?", name, "=", PercentEncode(value));
  return link;
}

// RFC 2426, section 4: text values.
std::string EscapeVCard(absl::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == ',' || c == ';') {
      out += {'\\', c};
    } else if (c == '\n') {
      out += "\\n";
    } else if (!absl::ascii_iscntrl(static_cast<unsigned char>(c))) {
      out += c;
    }
  }
  return out;
}

// Appends a content line, folded: no line is longer than 75 octets, no UTF-8 character is split.
void AppendVCardLine(absl::string_view line, std::string* out) {
  constexpr size_t kOctets = 75;
  // Only text that is not UTF-8 has so many continuation bytes in a row; it is split anywhere.
  constexpr size_t kContinuationBytes = 3;
  for (size_t room = kOctets; line.size() > room; room = kOctets - 1) {
    size_t cut = room;
    while (cut > room - kContinuationBytes && (line[cut] & 0xC0) == 0x80) --cut;
    absl::StrAppend(out, line.substr(0, cut), "\r\n ");
    line.remove_prefix(cut);
  }
  absl::StrAppend(out, line, "\r\n");
}

struct FreeQrCode {
  void operator()(QRcode* code) const { QRcode_free(code); }
};
using QrCode = std::unique_ptr<QRcode, FreeQrCode>;

absl::StatusOr<QrCode> EncodeQr(absl::string_view text) {
  if (text.empty()) return absl::InvalidArgumentError("a QR code needs a text");
  if (absl::StrContains(text, '\0'))
    return absl::InvalidArgumentError("a QR code's text has a NUL byte");
  constexpr int kAnyVersion = 0;
  constexpr int kCaseSensitive = 1;
  QrCode code(QRcode_encodeString(std::string(text).c_str(), kAnyVersion, QR_ECLEVEL_M, QR_MODE_8,
                                  kCaseSensitive));
  if (code != nullptr) return code;
  if (errno == ERANGE) return absl::InvalidArgumentError("the text is too long for a QR code");
  return absl::InternalError("the QR code could not be made");
}

bool IsDark(const QRcode& code, int x, int y) { return (code.data[y * code.width + x] & 1) != 0; }

// An image of one bit per pixel, 1 is white, rows padded to bytes.
struct Bitmap {
  int width = 0;
  std::vector<std::vector<png_byte>> rows;
};

Bitmap Draw(const QRcode& code, int scale) {
  Bitmap out;
  out.width = (code.width + 2 * kQuietZone) * scale;
  const std::vector<png_byte> white(static_cast<size_t>(out.width + 7) / 8, 0xFF);
  out.rows.assign(static_cast<size_t>(out.width), white);
  for (int y = 0; y < code.width; ++y) {
    std::vector<png_byte> row = white;
    for (int pixel = 0; pixel < code.width * scale; ++pixel) {
      if (!IsDark(code, pixel / scale, y)) continue;
      const int at = kQuietZone * scale + pixel;
      row[static_cast<size_t>(at / 8)] &= static_cast<png_byte>(~(0x80 >> (at % 8)));
    }
    for (int copy = 0; copy < scale; ++copy)
      out.rows[static_cast<size_t>((kQuietZone + y) * scale + copy)] = row;
  }
  return out;
}

void AppendToString(png_structp png, png_bytep data, size_t size) {
  static_cast<std::string*>(png_get_io_ptr(png))->append(reinterpret_cast<const char*>(data), size);
}

void NoFlush(png_structp) {}

// libpng leaves this function by longjmp on an error: it must hold no object with a destructor.
bool WritePng(const Bitmap& bitmap, png_structp png, png_infop info, std::string* out) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_write_fn(png, out, AppendToString, NoFlush);
  const auto size = static_cast<png_uint_32>(bitmap.width);
  png_set_IHDR(png, info, size, size, 1, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  for (const std::vector<png_byte>& row : bitmap.rows) png_write_row(png, row.data());
  png_write_end(png, nullptr);
  return true;
}

// Errors and warnings of libpng go to the caller's status, not to stderr.
[[noreturn]] void Fail(png_structp png, png_const_charp) { png_longjmp(png, 1); }
void Ignore(png_structp, png_const_charp) {}

}  // namespace

std::string DeepLink(Network network, absl::string_view address, absl::string_view text) {
  switch (network) {
    case pb::NETWORK_WHATSAPP:
      return WithParameter(absl::StrCat("https://wa.me/", Digits(address)), "text", text);
    case pb::NETWORK_TELEGRAM:
      return WithParameter(
          absl::StrCat("https://t.me/", PercentEncode(absl::StripPrefix(address, "@"))), "start",
          text);
    case pb::NETWORK_MESSENGER:
      return WithParameter(
          absl::StrCat("https://m.me/", PercentEncode(absl::StripPrefix(address, "@"))), "ref",
          text);
    case pb::NETWORK_SMS:
      return WithParameter(absl::StrCat("sms:", Telephone(address)), "body", text);
    default:
      return "";
  }
}

std::string VCard(absl::string_view name, Network network, absl::string_view address) {
  const std::string escaped = EscapeVCard(name);
  std::string out;
  AppendVCardLine("BEGIN:VCARD", &out);
  AppendVCardLine("VERSION:3.0", &out);
  AppendVCardLine(absl::StrCat("N:", escaped, ";;;;"), &out);
  AppendVCardLine(absl::StrCat("FN:", escaped), &out);
  if (network == pb::NETWORK_WHATSAPP || network == pb::NETWORK_SMS) {
    AppendVCardLine(absl::StrCat("TEL;TYPE=CELL:", Telephone(address)), &out);
  } else if (const std::string link = DeepLink(network, address); !link.empty()) {
    AppendVCardLine(absl::StrCat("URL:", link), &out);
  }
  AppendVCardLine("END:VCARD", &out);
  return out;
}

absl::StatusOr<std::string> QrSvg(absl::string_view text) {
  absl::StatusOr<QrCode> code = EncodeQr(text);
  if (!code.ok()) return code.status();
  const int width = (*code)->width;
  const int size = width + 2 * kQuietZone;
  std::string path;
  for (int y = 0; y < width; ++y) {
    for (int x = 0; x < width;) {
      const int begin = x;
      while (x < width && IsDark(**code, x, y)) ++x;
      if (x > begin) {
        absl::StrAppend(&path, "M", begin + kQuietZone, " ", y + kQuietZone, "h", x - begin, "v1H",
                        begin + kQuietZone, "z");
      } else {
        ++x;
      }
    }
  }
  return absl::StrCat("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ", size, " ", size,
                      "\" shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h", size, "v",
                      size, "H0z\"/><path d=\"", path, "\"/></svg>");
}

absl::StatusOr<std::string> QrPng(absl::string_view text, int scale) {
  if (scale < 1 || scale > kMaxQrScale) {
    return absl::InvalidArgumentError(absl::StrCat("the scale of a QR code is 1 to ", kMaxQrScale));
  }
  absl::StatusOr<QrCode> code = EncodeQr(text);
  if (!code.ok()) return code.status();
  const Bitmap bitmap = Draw(**code, scale);
  std::string out;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, Fail, Ignore);
  png_infop info = png != nullptr ? png_create_info_struct(png) : nullptr;
  const bool written = info != nullptr && WritePng(bitmap, png, info, &out);
  png_destroy_write_struct(&png, &info);
  if (!written) return absl::InternalError("the PNG could not be written");
  return out;
}

}  // namespace mo::contacts
