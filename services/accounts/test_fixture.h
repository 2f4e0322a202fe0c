// What the tests of accounts share.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "libs/testing/environment.h"
#include "messageorganizer/accounts/v1/accounts.grpc.pb.h"
#include "services/accounts/accounts.h"
#include "services/accounts/install.h"

namespace mo::accounts {

using Stub = v1::AccountService::Stub;
using testing::Environment;

// The services, a client, and callers as edge would make them.
struct Fixture {
  Environment env{{Install}};
  Client<v1::AccountService> client{env.app()};

  Caller Operator() {
    Caller caller;
    caller.actor = "key:operator";
    caller.scopes = {"operator"};
    return caller;
  }
  v1::CreateAccountResponse Account(const std::string& name = "Bakery") {
    v1::CreateAccountRequest request;
    request.set_display_name(name);
    auto created = client.Call(&Stub::CreateAccount, Operator(), request);
    REQUIRE(created.ok());
    return *created;
  }
  absl::StatusOr<v1::AuthenticateResponse> Authenticate(const std::string& secret) {
    v1::AuthenticateRequest request;
    request.set_secret(secret);
    return client.Call(&Stub::Authenticate, ServiceCaller("edge", 0), request);
  }
  // Whoever the secret belongs to.
  Caller CallerOf(const std::string& secret) {
    auto found = Authenticate(secret);
    REQUIRE(found.ok());
    Caller caller;
    caller.account_id = found->account_id();
    caller.actor = "key:" + found->key_id();
    caller.scopes.assign(found->scopes().begin(), found->scopes().end());
    return caller;
  }
  absl::StatusOr<v1::CreateApiKeyResponse> Key(const Caller& caller,
                                               const std::vector<std::string>& scopes) {
    v1::CreateApiKeyRequest request;
    request.set_display_name("a key");
    for (const std::string& scope : scopes) request.add_scopes(scope);
    return client.Call(&Stub::CreateApiKey, caller, request);
  }
  absl::StatusOr<v1::Settings> Update(const Caller& caller, const v1::Settings& settings,
                                      const std::vector<std::string>& mask = {}) {
    v1::UpdateSettingsRequest request;
    *request.mutable_settings() = settings;
    for (const std::string& path : mask) request.mutable_update_mask()->add_paths(path);
    return client.Call(&Stub::UpdateSettings, caller, request);
  }
  v1::Settings Settings(const Caller& caller) {
    auto settings = client.Call(&Stub::GetSettings, caller, v1::GetSettingsRequest());
    REQUIRE(settings.ok());
    return *settings;
  }
};

}  // namespace mo::accounts
