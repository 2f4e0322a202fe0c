// Short links of an account.
#pragma once

#include "google/protobuf/empty.pb.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "messageorganizer/links/v1/links.pb.h"

namespace mo::links {

namespace v1 = messageorganizer::links::v1;

// What the service does; service.cc only maps RPCs to it.
class Links {
 public:
  Links(App& app, storage::Database& database) : app_(app), database_(database) {}

  absl::StatusOr<v1::Link> Create(const Caller& caller, const v1::CreateLinkRequest& request);
  absl::StatusOr<v1::Link> Get(const Caller& caller, const v1::GetLinkRequest& request);
  absl::StatusOr<v1::ListLinksResponse> List(const Caller& caller,
                                             const v1::ListLinksRequest& request);
  absl::StatusOr<google::protobuf::Empty> Delete(const Caller& caller,
                                                 const v1::DeleteLinkRequest& request);

 private:
  App& app_;
  storage::Database& database_;
};

}  // namespace mo::links
