// WhatsApp's messages with something to tap on (PROTOCOLS.md §1.1, "Interactive").
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "messageorganizer/common/v1/content.pb.h"

namespace mo::sims {

namespace common = messageorganizer::common::v1;

// Whether a content has quick replies or a link's button.
bool IsInteractive(const common::Content& content);

// How a content with something to tap on is said.
struct InteractiveShape {
  enum class Kind { kButtons, kList, kLink, kLocation } kind = Kind::kButtons;
  bool fits = true;          // else: more than WhatsApp takes; nothing is to be sent
  bool media_apart = false;  // its file goes before it, in a message of its own
};
InteractiveShape ShapeOf(const common::Content& content);

// The object of the type "interactive". `header`: the media object of a header and its type, both
// empty without one.
void AppendInteractive(const common::Content& content, const InteractiveShape& shape,
                       absl::string_view header_type, absl::string_view header, std::string& body);

}  // namespace mo::sims
