// As much of WhatsApp's Cloud API as it takes to be sent to as fast as possible.
#pragma once

#include <iosfwd>
#include <string>

#include "absl/status/status.h"

namespace mo::bench {

// Takes every message at once, over HTTP/1.1 with kept-alive connections, on the calling thread;
// until `lines` ends. For each line of it writes a line of JSON to `json`: what it was sent since
// the line before, how many different keys (biz_opaque_callback_data) and how many of them again,
// and when the first and the last message came, in seconds since 1970.
absl::Status RunWhatsAppDouble(const std::string& host, int port, std::istream& lines,
                               std::ostream& json);

}  // namespace mo::bench
