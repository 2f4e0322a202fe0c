// Short links of the URLs that a message carries.
#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "messageorganizer/links/v1/links.pb.h"
#include "services/links/code_key.h"
#include "services/links/link_settings.h"

namespace mo::links {

namespace v1 = messageorganizer::links::v1;

// Makes links and reserves numbers for their recipients' codes.
class Shortener {
 public:
  Shortener(App& app, storage::Database& database, CodeKey& codes, Settings& settings)
      : app_(app), database_(database), codes_(codes), settings_(settings) {}

  absl::StatusOr<v1::ShortenLinksResponse> Shorten(const Caller& caller,
                                                   const v1::ShortenLinksRequest& request);

 private:
  // The first of `count` numbers that nobody else gets.
  absl::StatusOr<int64_t> Reserve(int64_t count);
  absl::StatusOr<v1::ShortenLinksResponse> Make(storage::Transaction& tx,
                                                const v1::ShortenLinksRequest& request,
                                                int64_t first_number);
  // The links that the URLs lead to: new ones, or the account's own where a URL is one.
  absl::StatusOr<std::vector<v1::Link>> LinksOf(storage::Transaction& tx,
                                                const v1::ShortenLinksRequest& request,
                                                const std::string& base);
  // The links that the request's broadcast has for its URLs already: an id and an assignment each.
  absl::StatusOr<absl::flat_hash_map<std::string, v1::Link>> OfBroadcast(
      storage::Transaction& tx, const v1::ShortenLinksRequest& request);
  v1::Link NewLink(const v1::ShortenLinksRequest& request, const std::string& url);

  App& app_;
  storage::Database& database_;
  CodeKey& codes_;
  Settings& settings_;
};

}  // namespace mo::links
