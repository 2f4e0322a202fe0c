// Short links of an account.
#pragma once

#include <functional>
#include <string>

#include "google/protobuf/empty.pb.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "messageorganizer/links/v1/links.pb.h"
#include "services/links/code_key.h"
#include "services/links/link_settings.h"

namespace mo::links {

namespace v1 = messageorganizer::links::v1;

// A code that cannot be guessed from others.
std::string RandomCode();

// What the service does; service.cc only maps RPCs to it.
class Links {
 public:
  Links(App& app, storage::Database& database, CodeKey& codes, Settings& settings)
      : app_(app), database_(database), codes_(codes), settings_(settings) {}

  absl::StatusOr<v1::Link> Create(const Caller& caller, const v1::CreateLinkRequest& request);
  absl::StatusOr<v1::Link> Get(const Caller& caller, const v1::GetLinkRequest& request);
  absl::StatusOr<v1::Link> Update(const Caller& caller, const v1::UpdateLinkRequest& request);
  absl::StatusOr<v1::ListLinksResponse> List(const Caller& caller,
                                             const v1::ListLinksRequest& request);
  absl::StatusOr<google::protobuf::Empty> Delete(const Caller& caller,
                                                 const v1::DeleteLinkRequest& request);

  // Called with a link's id when it was changed or deleted. Before the start.
  void OnChanged(std::function<void(int64_t)> action) { on_changed_ = std::move(action); }

 private:
  // What the proto's options cannot say.
  absl::Status Check(const v1::Link& link) const;
  absl::StatusOr<v1::Link> Apply(storage::Transaction& tx, const v1::UpdateLinkRequest& request,
                                 const std::set<std::string>& fields) const;
  void Complete(const std::string& base, v1::Link& link) const {
    if (!base.empty()) link.set_short_url(base + link.code());
  }

  App& app_;
  storage::Database& database_;
  CodeKey& codes_;
  Settings& settings_;
  std::function<void(int64_t)> on_changed_ = [](int64_t) {};
};

}  // namespace mo::links
