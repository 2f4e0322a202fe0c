// How a customer's number or bot is handed to a person: as a link, a contact card, a QR code. Pure
// functions.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "messageorganizer/common/v1/content.pb.h"

namespace mo::contacts {

using messageorganizer::common::v1::Network;

// A link that opens a chat with the address on its network. The address is a phone number in E.164
// (WhatsApp, SMS), a bot's name (Telegram) or a page's name or id (Messenger). text, where given,
// is what the chat's input field holds (WhatsApp, SMS), the bot's start parameter (Telegram: at
// most 64 of A-Z, a-z, 0-9, "_", "-", else it ignores it) or the page's ref parameter (Messenger).
// Empty for an unspecified network.
std::string DeepLink(Network network, absl::string_view address, absl::string_view text = "");

// A vCard 3.0 (RFC 2426) with the name and the phone number, or the deep link for networks without
// one.
std::string VCard(absl::string_view name, Network network, absl::string_view address);

// A QR code of the text with error correction M, as an SVG image of one unit per module, without a
// fixed size. InvalidArgument for an empty text, one with NUL bytes, or one too long for a QR code
// (about 2,300 bytes).
absl::StatusOr<std::string> QrSvg(absl::string_view text);

// The most pixels per module.
constexpr int kMaxQrScale = 32;

// The same QR code as a PNG of 1-bit greyscale, with scale (1 to kMaxQrScale) pixels per module.
absl::StatusOr<std::string> QrPng(absl::string_view text, int scale);

}  // namespace mo::contacts
