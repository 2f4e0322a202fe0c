// Accounts and what they decide about themselves.
#pragma once

#include "libs/storage/database.h"
#include "messageorganizer/accounts/v1/accounts.pb.h"

namespace mo::accounts {

namespace v1 = messageorganizer::accounts::v1;

// Reads accounts, reads and changes settings. Accounts are made in ApiKeys, with their first key.
class Accounts {
 public:
  explicit Accounts(storage::Database& database) : database_(database) {}

  absl::StatusOr<v1::ListAccountsResponse> List(const Caller& caller,
                                                const v1::ListAccountsRequest& request);
  absl::StatusOr<v1::Account> Get(const Caller& caller, const v1::GetAccountRequest& request);
  // The defaults for an account that never decided anything.
  absl::StatusOr<v1::Settings> GetSettings(const Caller& caller,
                                           const v1::GetSettingsRequest& request);
  absl::StatusOr<v1::Settings> UpdateSettings(const Caller& caller,
                                              const v1::UpdateSettingsRequest& request);

 private:
  storage::Database& database_;
};

}  // namespace mo::accounts
