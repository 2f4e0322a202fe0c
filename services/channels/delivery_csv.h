// A broadcast's deliveries as a file.
#pragma once

#include "google/api/httpbody.pb.h"
#include "services/channels/ledger.h"

namespace mo::channels {

// Writes the list of deliveries as CSV.
class DeliveryCsv {
 public:
  explicit DeliveryCsv(Ledgers& ledgers) : ledgers_(ledgers) {}

  // One page, with common.v1.NextPage among its extensions when another one follows.
  absl::StatusOr<google::api::HttpBody> Download(const Caller& caller,
                                                 const v1::DownloadDeliveriesRequest& request);

 private:
  Ledgers& ledgers_;
};

}  // namespace mo::channels
