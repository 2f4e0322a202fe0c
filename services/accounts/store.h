// The accounts service's tables. Functions work on the transaction's account unless they say
// otherwise.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/storage/transaction.h"
#include "messageorganizer/accounts/v1/accounts.pb.h"

namespace mo::accounts {

namespace v1 = messageorganizer::accounts::v1;

// Of any account, with its settings; in a transaction of the system.
absl::Status InsertAccount(storage::Transaction& tx, int64_t account_id, const v1::Account& account,
                           const v1::Settings& settings);
absl::StatusOr<v1::Account> SelectAccount(storage::Transaction& tx);
// All accounts with an id above `after`, oldest first; in a transaction of the system.
absl::StatusOr<std::vector<v1::Account>> SelectAccounts(storage::Transaction& tx, int64_t after,
                                                        int32_t limit);

// The account's settings, or the defaults when it has no row.
absl::StatusOr<v1::Settings> SelectSettings(storage::Transaction& tx);
// The same, locked until the end of the transaction; makes the row when there is none.
absl::StatusOr<v1::Settings> LockSettings(storage::Transaction& tx);
// Writes locked settings and returns them with their new etag.
absl::StatusOr<v1::Settings> ReplaceSettings(storage::Transaction& tx, v1::Settings settings);

// How many keys the account has, revoked ones left out; until the end of the transaction nobody
// else adds one. ACCOUNT_NOT_FOUND.
absl::StatusOr<int64_t> LockAndCountApiKeys(storage::Transaction& tx);
// Of any account.
absl::Status InsertApiKey(storage::Transaction& tx, int64_t account_id, const v1::ApiKey& key,
                          absl::string_view secret_hash);
// Keys with an id above `after`, oldest first.
absl::StatusOr<std::vector<v1::ApiKey>> SelectApiKeys(storage::Transaction& tx, int64_t after,
                                                      int32_t limit);
// API_KEY_NOT_FOUND when it is not there or revoked already.
absl::Status RevokeApiKey(storage::Transaction& tx, int64_t id, absl::Time now);
// The live key of any account with the hash, or API_KEY_INVALID; in a transaction of the system.
absl::StatusOr<v1::AuthenticateResponse> FindApiKey(storage::Transaction& tx,
                                                    absl::string_view secret_hash);

}  // namespace mo::accounts
