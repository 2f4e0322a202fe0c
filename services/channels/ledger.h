// A broadcast's counts and its single deliveries.
#pragma once

#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "libs/storage/database.h"
#include "messageorganizer/channels/v1/broadcasts.pb.h"
#include "messageorganizer/sims/v1/dispatch.grpc.pb.h"
#include "services/channels/broadcast_store.h"
#include "services/channels/expansion_store.h"

namespace mo::channels {

// The counts of what sims has and of what was decided here, over all that is resolved. Who is
// resolved and neither skipped here nor anything but queued there is queued: it is on its way to
// sims or waits there. So the sum is the audience at every moment, provided that `expansion` was
// read after `sims`: whatever sims has was resolved before.
common::DeliveryCounts Combine(const common::DeliveryCounts& sims, const Expansion& expansion);

// Reads both parts.
class Ledgers {
 public:
  Ledgers(App& app, storage::Database& database) : database_(database), sims_(app) {}

  absl::StatusOr<v1::Ledger> Get(const Caller& caller, const v1::GetLedgerRequest& request);
  // What reached sims, by dispatch and contact; then who was skipped before, by contact.
  absl::StatusOr<v1::ListDeliveriesResponse> ListDeliveries(
      const Caller& caller, const v1::ListDeliveriesRequest& request);
  // A ledger for the service's own use.
  absl::StatusOr<v1::Ledger> Read(const Caller& caller, BroadcastKey key);

 private:
  absl::Status ListSent(const Caller& caller, const v1::ListDeliveriesRequest& request,
                        const std::string& token, v1::ListDeliveriesResponse& response);
  absl::Status ListSkipped(const Caller& caller, const v1::ListDeliveriesRequest& request,
                           const std::string& key, v1::ListDeliveriesResponse& response);

  storage::Database& database_;
  Client<sims_v1::DispatchService> sims_;
};

}  // namespace mo::channels
