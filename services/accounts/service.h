// accounts.v1.AccountService over gRPC.
#pragma once

#include "libs/runtime/rpc.h"
#include "messageorganizer/accounts/v1/accounts.grpc.pb.h"
#include "services/accounts/accounts.h"
#include "services/accounts/api_keys.h"

namespace mo::accounts {

// One line per RPC; the work is in Accounts and ApiKeys.
class Service final : public v1::AccountService::CallbackService {
 public:
  Service(Rpc& rpc, Accounts& accounts, ApiKeys& keys)
      : rpc_(rpc), accounts_(accounts), keys_(keys) {}

  grpc::ServerUnaryReactor* CreateAccount(grpc::CallbackServerContext* context,
                                          const v1::CreateAccountRequest* request,
                                          v1::CreateAccountResponse* response) override;
  grpc::ServerUnaryReactor* ListAccounts(grpc::CallbackServerContext* context,
                                         const v1::ListAccountsRequest* request,
                                         v1::ListAccountsResponse* response) override;
  grpc::ServerUnaryReactor* GetAccount(grpc::CallbackServerContext* context,
                                       const v1::GetAccountRequest* request,
                                       v1::Account* response) override;
  grpc::ServerUnaryReactor* GetSettings(grpc::CallbackServerContext* context,
                                        const v1::GetSettingsRequest* request,
                                        v1::Settings* response) override;
  grpc::ServerUnaryReactor* UpdateSettings(grpc::CallbackServerContext* context,
                                           const v1::UpdateSettingsRequest* request,
                                           v1::Settings* response) override;
  grpc::ServerUnaryReactor* CreateApiKey(grpc::CallbackServerContext* context,
                                         const v1::CreateApiKeyRequest* request,
                                         v1::CreateApiKeyResponse* response) override;
  grpc::ServerUnaryReactor* ListApiKeys(grpc::CallbackServerContext* context,
                                        const v1::ListApiKeysRequest* request,
                                        v1::ListApiKeysResponse* response) override;
  grpc::ServerUnaryReactor* RevokeApiKey(grpc::CallbackServerContext* context,
                                         const v1::RevokeApiKeyRequest* request,
                                         google::protobuf::Empty* response) override;
  grpc::ServerUnaryReactor* Authenticate(grpc::CallbackServerContext* context,
                                         const v1::AuthenticateRequest* request,
                                         v1::AuthenticateResponse* response) override;

 private:
  Rpc& rpc_;
  Accounts& accounts_;
  ApiKeys& keys_;
};

}  // namespace mo::accounts
