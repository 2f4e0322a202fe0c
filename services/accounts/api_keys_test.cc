// API keys: whose they are, what they may, how many there are.
#include <atomic>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "services/accounts/scopes.h"
#include "services/accounts/test_fixture.h"

namespace mo::accounts {
namespace {

TEST_CASE("Unknown, foreign-looking and revoked secrets are refused; the operator's is known") {
  Fixture f;
  const v1::CreateAccountResponse made = f.Account();
  const Caller owner = f.CallerOf(made.secret());
  std::string wrong = made.secret();
  wrong.back() = wrong.back() == 'A' ? 'B' : 'A';
  for (const std::string& secret :
       {wrong, std::string("mo_live_"), std::string("x"), made.secret() + "A",
        std::string("mo_operator_tesT"), std::string("mo_operator_test2")}) {
    auto refused = f.Authenticate(secret);
    CHECK(absl::IsUnauthenticated(refused.status()));
    CHECK(ReasonOf(refused.status()) == "API_KEY_INVALID");
  }
  auto operator_key = f.Authenticate("mo_operator_test");
  REQUIRE(operator_key.ok());
  CHECK(operator_key->account_id() == 0);
  CHECK(operator_key->key_id() == "operator");
  CHECK(operator_key->scopes_size() == 1);
  CHECK(operator_key->scopes(0) == "operator");

  auto key = f.Key(owner, {"contacts:read"});
  REQUIRE(key.ok());
  REQUIRE(f.Authenticate(key->secret()).ok());
  v1::RevokeApiKeyRequest revoke;
  revoke.set_id(key->api_key().id());
  REQUIRE(f.client.Call(&Stub::RevokeApiKey, owner, revoke).ok());
  CHECK(ReasonOf(f.Authenticate(key->secret()).status()) == "API_KEY_INVALID");
  CHECK(ReasonOf(f.client.Call(&Stub::RevokeApiKey, owner, revoke).status()) ==
        "API_KEY_NOT_FOUND");
  CHECK(f.Authenticate(made.secret()).ok());
}

TEST_CASE("Only services may ask whose a key is") {
  Fixture f;
  const v1::CreateAccountResponse made = f.Account();
  // Not through Client, which adds the services' own right.
  grpc::ClientContext context;
  context.AddMetadata(kIdentityMetadata, f.env.app().identity().Sign(f.CallerOf(made.secret()),
                                                                     f.env.app().clock().Now()));
  v1::AuthenticateRequest request;
  request.set_secret(made.secret());
  v1::AuthenticateResponse response;
  const grpc::Status status =
      v1::AccountService::NewStub(f.env.app().ChannelTo(v1::AccountService::service_full_name()))
          ->Authenticate(&context, request, &response);
  CHECK(ReasonOf(FromGrpc(status)) == "SCOPE_MISSING");
}

TEST_CASE("A key cannot make a stronger one") {
  Fixture f;
  const Caller owner = f.CallerOf(f.Account().secret());
  auto narrow_key = f.Key(owner, {"api-keys:write", "contacts:read"});
  REQUIRE(narrow_key.ok());
  const Caller narrow = f.CallerOf(narrow_key->secret());
  CHECK(f.Key(narrow, {"contacts:read"}).ok());
  auto refused = f.Key(narrow, {"contacts:read", "contacts:write", "*"});
  auto problems = FieldProblemsOf(refused.status());
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].field == "scopes[1]");
  CHECK(problems[0].reason == "SCOPE_EXCEEDED");
  CHECK(problems[1].field == "scopes[2]");
  CHECK(f.Key(owner, {"*"}).ok());
  CHECK_FALSE(f.Key(ServiceCaller("rules", owner.account_id), {"contacts:read"}).ok());
  // "operator" and "internal" are no scopes of accounts, whoever asks.
  CHECK(FieldProblemsOf(f.Key(owner, {"operator"}).status()).at(0).reason == "BAD_FORMAT");
  CHECK(FieldProblemsOf(f.Key(owner, {"internal"}).status()).at(0).reason == "BAD_FORMAT");
  CHECK(f.client.Call(&Stub::ListApiKeys, owner, v1::ListApiKeysRequest())->api_keys_size() == 4);
}

TEST_CASE("A key can hold every scope that a route needs, and none that does not exist") {
  Fixture f;
  const Caller owner = f.CallerOf(f.Account().secret());
  std::vector<std::string> scopes = {"*", "events:read"};
  for (const char* part : {"api-keys", "broadcasts", "channels", "contacts", "links", "media",
                           "messages", "rules", "settings", "sims", "webhooks"}) {
    scopes.push_back(absl::StrCat(part, ":read"));
    scopes.push_back(absl::StrCat(part, ":write"));
  }
  scopes.push_back("statistics:read");
  for (const std::string& scope : scopes) CHECK(f.Key(owner, {scope}).ok());
  CHECK(KnownScopes() == std::set<std::string>(scopes.begin(), scopes.end()));

  const auto problems = FieldProblemsOf(
      f.Key(owner, {"contacts:read", "statistics:write", "contact:read", "*"}).status());
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].field == "scopes[1]");
  CHECK(problems[1].field == "scopes[2]");
  for (const FieldProblem& problem : problems) CHECK(problem.reason == "UNKNOWN_SCOPE");
}

TEST_CASE("An account has at most 1,000 keys, however many are made at once") {
  Fixture f;
  const Caller owner = f.CallerOf(f.Account().secret());
  auto connection = storage::Connection::Open(f.env.postgres().UrlAs("postgres"));
  REQUIRE(connection.ok());
  // 1 + 994 are there; of twenty more, five fit.
  REQUIRE((*connection)
              ->Script("INSERT INTO accounts.api_keys SELECT " + std::to_string(owner.account_id) +
                       ", i, 'k', '{}', 'h', int8send(i), now() FROM generate_series(1, 994) i")
              .ok());
  std::atomic<int> made = 0;
  std::atomic<int> refused = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 5; ++j) {
        auto key = f.Key(owner, {"links:read"});
        if (key.ok()) ++made;
        if (ReasonOf(key.status()) == "TOO_MANY_API_KEYS") ++refused;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(made == 5);
  CHECK(refused == 15);
  CHECK(ReasonOf(f.Key(f.env.caller(99), {"links:read"}).status()) == "ACCOUNT_NOT_FOUND");
}

}  // namespace
}  // namespace mo::accounts
