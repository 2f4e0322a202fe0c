// Files that doubles hand out for what phones send.
#pragma once

#include <string>

#include "messageorganizer/common/v1/content.pb.h"

namespace mo::simulator {

// The bytes of a phone's file: those that were given, else some of the kind: a picture of one
// pixel, or the caption and the URL as text.
std::string FileBytes(const messageorganizer::common::v1::Media& media, const std::string& given);

// The MIME type that it names, or the usual one of its kind.
std::string MimeTypeOf(const messageorganizer::common::v1::Media& media);

// SHA-256 in lower-case hexadecimal digits.
std::string Sha256Hex(const std::string& data);

}  // namespace mo::simulator
