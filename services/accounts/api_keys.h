// API keys, and the accounts that start with one.
#pragma once

#include "google/protobuf/empty.pb.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "messageorganizer/accounts/v1/accounts.pb.h"
#include "services/accounts/secret.h"

namespace mo::accounts {

namespace v1 = messageorganizer::accounts::v1;

// Makes, lists, revokes and recognises API keys.
class ApiKeys {
 public:
  ApiKeys(App& app, storage::Database& database);

  // An account, its settings and a first key that may do everything, all or nothing.
  absl::StatusOr<v1::CreateAccountResponse> CreateAccount(const Caller& caller,
                                                          const v1::CreateAccountRequest& request);
  absl::StatusOr<v1::CreateApiKeyResponse> Create(const Caller& caller,
                                                  const v1::CreateApiKeyRequest& request);
  absl::StatusOr<v1::ListApiKeysResponse> List(const Caller& caller,
                                               const v1::ListApiKeysRequest& request);
  absl::StatusOr<google::protobuf::Empty> Revoke(const Caller& caller,
                                                 const v1::RevokeApiKeyRequest& request);
  absl::StatusOr<v1::AuthenticateResponse> Authenticate(const Caller& caller,
                                                        const v1::AuthenticateRequest& request);

 private:
  // A new key with its secret, not yet stored.
  v1::CreateApiKeyResponse NewKey(const std::string& display_name);
  absl::StatusOr<v1::AuthenticateResponse> Find(const std::string& secret);

  App& app_;
  storage::Database& database_;
  const SecretSealer sealer_;
  prometheus::Counter& accepted_;
  prometheus::Counter& refused_;
};

}  // namespace mo::accounts
