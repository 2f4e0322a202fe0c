#include "services/accounts/service.h"

namespace mo::accounts {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

Reactor* Service::CreateAccount(Context* context, const v1::CreateAccountRequest* request,
                                v1::CreateAccountResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return keys_.CreateAccount(c, *request); });
}

Reactor* Service::ListAccounts(Context* context, const v1::ListAccountsRequest* request,
                               v1::ListAccountsResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return accounts_.List(c, *request); });
}

Reactor* Service::GetAccount(Context* context, const v1::GetAccountRequest* request,
                             v1::Account* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return accounts_.Get(c, *request); });
}

Reactor* Service::GetSettings(Context* context, const v1::GetSettingsRequest* request,
                              v1::Settings* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return accounts_.GetSettings(c, *request); });
}

Reactor* Service::UpdateSettings(Context* context, const v1::UpdateSettingsRequest* request,
                                 v1::Settings* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return accounts_.UpdateSettings(c, *request); });
}

Reactor* Service::CreateApiKey(Context* context, const v1::CreateApiKeyRequest* request,
                               v1::CreateApiKeyResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return keys_.Create(c, *request); });
}

Reactor* Service::ListApiKeys(Context* context, const v1::ListApiKeysRequest* request,
                              v1::ListApiKeysResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return keys_.List(c, *request); });
}

Reactor* Service::RevokeApiKey(Context* context, const v1::RevokeApiKeyRequest* request,
                               google::protobuf::Empty* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return keys_.Revoke(c, *request); });
}

Reactor* Service::Authenticate(Context* context, const v1::AuthenticateRequest* request,
                               v1::AuthenticateResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return keys_.Authenticate(c, *request); });
}

}  // namespace mo::accounts
