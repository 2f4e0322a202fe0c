// Deletes contacts after the time that their account has set (S9).
#pragma once

#include "absl/status/statusor.h"
#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "libs/storage/database.h"
#include "messageorganizer/accounts/v1/accounts.grpc.pb.h"
#include "messageorganizer/contacts/v1/contacts.pb.h"

namespace mo::contacts {

// Goes over all accounts, account by account, in batches.
class Retention {
 public:
  Retention(App& app, storage::Database& database)
      : app_(app), database_(database), accounts_(app) {}

  // Deletes what is due now; true when there may be more.
  absl::StatusOr<bool> RunOnce();

 private:
  absl::StatusOr<bool> Clean(int64_t account_id);
  absl::StatusOr<bool> Delete(int64_t account_id,
                              messageorganizer::contacts::v1::ContactState state, int32_t days);

  App& app_;
  storage::Database& database_;
  Client<messageorganizer::accounts::v1::AccountService> accounts_;
};

}  // namespace mo::contacts
