// How often links were clicked, and by whom.
#pragma once

#include "absl/status/statusor.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "messageorganizer/links/v1/links.pb.h"

namespace mo::links {

namespace v1 = messageorganizer::links::v1;

// Answers questions about an account's clicks.
class Clicks {
 public:
  Clicks(App& app, storage::Database& database) : app_(app), database_(database) {}

  absl::StatusOr<v1::LinkStatistics> Statistics(const Caller& caller,
                                                const v1::GetLinkStatisticsRequest& request);
  absl::StatusOr<v1::ListClicksResponse> List(const Caller& caller,
                                              const v1::ListClicksRequest& request);
  absl::StatusOr<v1::ListContactClicksResponse> ListOfContact(
      const Caller& caller, const v1::ListContactClicksRequest& request);

 private:
  App& app_;
  storage::Database& database_;
};

}  // namespace mo::links
