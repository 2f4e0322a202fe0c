// What a code of a short link leads to.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "messageorganizer/links/v1/links.pb.h"

namespace mo::links {

namespace v1 = messageorganizer::links::v1;

// A link as the redirect needs it, or that there is none. Immutable.
struct Target {
  bool exists = false;
  int64_t account_id = 0;
  int64_t link_id = 0;
  // Of personal codes: numbers from first_number, `recipients` of them.
  int64_t first_number = 0;
  int64_t recipients = 0;
  std::string location;
  std::string headers;  // of the answer, ready to be sent
  absl::Time expire_time = absl::InfiniteFuture();
  absl::Time load_time;
};
using TargetPtr = std::shared_ptr<const Target>;

// Where a click leads: the target with its utm parameters before the fragment, those left out that
// it names itself. Bytes that may not stand in a header are percent-encoded.
std::string LocationOf(absl::string_view target_url, const v1::Utm& utm);

// The lines of an answer that leads there, each with its CRLF.
std::string RedirectHeaders(absl::string_view location);

}  // namespace mo::links
