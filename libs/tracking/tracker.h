// Links that tell who has clicked: URLs of what is sent become short links, one for each recipient.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "libs/secrets/key_ring.h"
#include "libs/short_codes/short_codes.h"
#include "messageorganizer/common/v1/content.pb.h"
#include "messageorganizer/links/v1/links.grpc.pb.h"

namespace mo::tracking {

// Most URLs of one content that can be tracked.
inline constexpr size_t kMaxUrls = 100;

// Replaces the URLs (text/urls.h) in text, caption, template parameters and of a link button by
// `mark(n)`, n being their index in what is returned: each URL once, in the order of appearance. A
// template's buttons keep theirs.
std::vector<std::string> MarkUrls(messageorganizer::common::v1::Content& content,
                                  absl::FunctionRef<std::string(size_t n)> mark);

// The short links of some URLs for some recipients.
class PersonalLinks {
 public:
  PersonalLinks(const messageorganizer::links::v1::ShortenLinksResponse& shortened,
                short_codes::ShortCodes codes);
  // Of each URL, the recipient's own link; recipients count from 0.
  std::vector<std::string> Of(int64_t recipient) const;

 private:
  std::string base_url_;
  std::vector<int64_t> first_numbers_;
  short_codes::ShortCodes codes_;
};

// Asks the links service. Thread-safe.
class Tracker {
 public:
  explicit Tracker(App& app);

  // Whether the account's links can be tracked: NO_LINK_DOMAIN, or SECRETS_UNAVAILABLE in a process
  // without --secret_keys_file.
  absl::Status Check(const Caller& caller);
  absl::StatusOr<PersonalLinks> Shorten(
      const Caller& caller, const messageorganizer::links::v1::ShortenLinksRequest& request);

 private:
  absl::Status CheckKeys() const;

  Client<messageorganizer::links::v1::LinkService> links_;
  absl::StatusOr<secrets::KeyRing> ring_;
};

}  // namespace mo::tracking
