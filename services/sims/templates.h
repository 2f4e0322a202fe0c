// The catalogues of approved templates.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "libs/http/pool_client.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "messageorganizer/sims/v1/sims.pb.h"
#include "services/sims/sim_drivers.h"
#include "services/sims/template_store.h"

namespace mo::sims {

// Reads catalogues from providers: when asked, and each once a day. Thread-safe.
class Templates {
 public:
  // `guard` sets the guard that a request to a provider is under.
  Templates(App& app, storage::Database& database, SimDrivers& drivers, http::PoolClient& client,
            std::function<void(http::ClientRequest& request)> guard);

  absl::StatusOr<v1::ListTemplatesResponse> List(const Caller& caller,
                                                 const v1::ListTemplatesRequest& request);
  absl::StatusOr<v1::SyncTemplatesResponse> Sync(const Caller& caller,
                                                 const v1::SyncTemplatesRequest& request);
  // Keeps what the provider has told of one template (HealthEvent::Kind::kTemplate).
  absl::Status Note(const SimDriver& sim, const HealthEvent& event);
  // Reads the catalogues that are due; true: there may be more.
  absl::StatusOr<bool> RunOnce();

 private:
  // Replaces a SIM's catalogue by the provider's; how many templates there are.
  absl::StatusOr<int32_t> Read(const CatalogueOwner& owner);
  absl::StatusOr<std::vector<v1::SimTemplate>> FetchAll(const Driver& driver);
  // Waits for a response.
  absl::StatusOr<http::Response> Fetch(http::ClientRequest request);

  App& app_;
  storage::Database& database_;
  SimDrivers& drivers_;
  http::PoolClient& client_;
  const std::function<void(http::ClientRequest& request)> guard_;
  prometheus::Counter& failures_;
};

}  // namespace mo::sims
