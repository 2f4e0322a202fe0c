// Tells contacts that they have another SIM.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "libs/storage/database.h"
#include "messageorganizer/sims/v1/dispatch.grpc.pb.h"
#include "services/contacts/notice_store.h"

namespace mo::contacts {

// The key of a notice's dispatch: the ledger takes each once, whoever dies in between.
std::string DispatchKeyOf(const NoticeKey& key);
// The notice of a dispatch's key, if it is one's.
std::optional<NoticeKey> NoticeKeyOf(int64_t account_id, absl::string_view dispatch_key);

// Submits the notices that are due, each as a dispatch of its own from the contact's new SIM. One
// that the network does not let us send waits until the contact writes to that SIM; what becomes of
// a notice is told by the ledger's events (sims_events.h).
class Notices {
 public:
  Notices(App& app, storage::Database& database)
      : app_(app), database_(database), dispatches_(app) {}

  // Whether there may be more.
  absl::StatusOr<bool> RunOnce();

 private:
  using DispatchService = messageorganizer::sims::v1::DispatchService;

  absl::Status Submit(int64_t account_id, const std::vector<Notice>& notices);

  App& app_;
  storage::Database& database_;
  Client<DispatchService> dispatches_;
};

}  // namespace mo::contacts
