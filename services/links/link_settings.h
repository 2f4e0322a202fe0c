// Where an account's links are reached.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "messageorganizer/links/v1/links.pb.h"

namespace mo::links {

namespace v1 = messageorganizer::links::v1;

// The host of a URL or Host header in lower case, without port.
std::string HostOf(absl::string_view url_or_host);

// The accounts' own domains.
class Settings {
 public:
  // `redirect_url`: how people reach the redirect listener, "https://short.example"; may be empty.
  Settings(storage::Database& database, absl::string_view redirect_url);

  absl::StatusOr<v1::LinkSettings> Get(const Caller& caller);
  absl::StatusOr<v1::LinkSettings> Update(const Caller& caller,
                                          const v1::UpdateLinkSettingsRequest& request);

  // What codes of the transaction's account stand behind, with a slash: its own domain, else the
  // product's; empty when there is neither.
  absl::StatusOr<std::string> BaseUrl(storage::Transaction& tx) const;
  // The product's own host; empty when it is not known.
  const std::string& default_host() const { return default_host_; }
  // Every own domain with its account.
  absl::StatusOr<std::vector<std::pair<std::string, int64_t>>> AllDomains();

  // Called when a domain has changed. Before the start.
  void OnChanged(std::function<void()> action) { on_changed_ = std::move(action); }

 private:
  v1::LinkSettings WithBase(v1::LinkSettings settings) const;

  storage::Database& database_;
  const std::string default_base_;
  const std::string default_host_;
  std::function<void()> on_changed_ = [] {};
};

}  // namespace mo::links
