#include "libs/tracking/tracker.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/runtime/errors.h"
#include "libs/runtime/status.h"
#include "libs/text/content.h"
#include "libs/text/urls.h"

namespace mo::tracking {

namespace links_v1 = messageorganizer::links::v1;

std::vector<std::string> MarkUrls(messageorganizer::common::v1::Content& content,
                                  absl::FunctionRef<std::string(size_t n)> mark) {
  std::vector<std::string> urls;
  text::VisitTexts(content, [&](const text::PersonalText& part) {
    // A template's button has its URL at the network; what we say is only the rest of it.
    if (absl::StrContains(part.path, ".buttons[")) return;
    *part.text = text::ReplaceUrls(*part.text, [&](absl::string_view url) {
      const auto found = std::find(urls.begin(), urls.end(), url);
      const auto n = static_cast<size_t>(found - urls.begin());
      if (found == urls.end()) urls.emplace_back(url);
      return mark(n);
    });
  });
  return urls;
}

PersonalLinks::PersonalLinks(const links_v1::ShortenLinksResponse& shortened,
                             short_codes::ShortCodes codes)
    : base_url_(shortened.base_url()), codes_(codes) {
  for (const links_v1::ShortenedLink& link : shortened.links())
    first_numbers_.push_back(link.first_number());
}

std::vector<std::string> PersonalLinks::Of(int64_t recipient) const {
  std::vector<std::string> links;
  for (const int64_t first : first_numbers_)
    links.push_back(absl::StrCat(base_url_, codes_.Encode(first + recipient)));
  return links;
}

Tracker::Tracker(App& app)
    : links_(app), ring_(secrets::KeyRing::Parse(app.options().secret_keys)) {}

absl::Status Tracker::CheckKeys() const {
  MO_RETURN_IF_ERROR(ring_.status());
  if (!ring_->empty()) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "SECRETS_UNAVAILABLE",
               "this installation has no key to make links' codes with: --secret_keys_file");
}

absl::Status Tracker::Check(const Caller& caller) {
  MO_RETURN_IF_ERROR(CheckKeys());
  MO_ASSIGN_OR_RETURN(const links_v1::LinkSettings settings,
                      links_.Call(MO_METHOD(links_v1::LinkService, GetLinkSettings),
                                  caller.WithKey(""), links_v1::GetLinkSettingsRequest()));
  if (!settings.base_url().empty()) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "NO_LINK_DOMAIN",
               "there is no domain for short links: neither the account's (link-settings) nor the "
               "installation's (--redirect_url)");
}

absl::StatusOr<PersonalLinks> Tracker::Shorten(const Caller& caller,
                                               const links_v1::ShortenLinksRequest& request) {
  MO_RETURN_IF_ERROR(CheckKeys());
  MO_ASSIGN_OR_RETURN(
      const links_v1::ShortenLinksResponse shortened,
      links_.Call(MO_METHOD(links_v1::LinkService, ShortenLinks), caller.WithKey(""), request));
  if (shortened.links_size() != request.urls_size())
    return absl::UnavailableError("links: another number of links than of URLs");
  MO_ASSIGN_OR_RETURN(short_codes::ShortCodes codes,
                      short_codes::ShortCodes::Open(*ring_, shortened.sealed_code_key()));
  return PersonalLinks(shortened, codes);
}

}  // namespace mo::tracking
