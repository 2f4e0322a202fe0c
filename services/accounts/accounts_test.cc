#include "services/accounts/accounts.h"

#include <catch2/catch.hpp>
#include <set>
#include <thread>

#include "libs/testing/environment.h"
#include "messageorganizer/accounts/v1/accounts.grpc.pb.h"
#include "services/accounts/install.h"
#include "services/accounts/scopes.h"

namespace mo::accounts {
namespace {

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

TEST_CASE("The operator creates accounts, each with a key that may do everything in it") {
  Fixture f;
  const v1::CreateAccountResponse made = f.Account();
  CHECK(made.secret().substr(0, 8) == "mo_live_");
  CHECK(made.secret().size() == 51);
  CHECK(made.api_key().hint() == made.secret().substr(0, 12));
  const Caller owner = f.CallerOf(made.secret());
  CHECK(owner.account_id == IdOf(made.account().id()));
  CHECK(owner.scopes == std::vector<std::string>{"*"});
  auto account = f.client.Call(&Stub::GetAccount, owner, v1::GetAccountRequest());
  REQUIRE(account.ok());
  CHECK(account->display_name() == "Bakery");
  CHECK(f.Settings(owner).time_zone() == "UTC");
  CHECK(f.Settings(owner).default_language() == "en");

  v1::CreateAccountRequest request;
  request.set_display_name("x");
  CHECK(ReasonOf(f.client.Call(&Stub::CreateAccount, owner, request).status()) == "SCOPE_MISSING");
  CHECK(ReasonOf(f.client.Call(&Stub::ListAccounts, owner, v1::ListAccountsRequest()).status()) ==
        "SCOPE_MISSING");
  request.set_time_zone("Mars/Olympus");
  auto refused = f.client.Call(&Stub::CreateAccount, f.Operator(), request);
  CHECK(FieldProblemsOf(refused.status()).at(0).field == "time_zone");
  CHECK(f.client.Call(&Stub::ListAccounts, f.Operator(), v1::ListAccountsRequest())
            ->accounts_size() == 1);
}

TEST_CASE("The operator lists accounts in pages, oldest first") {
  Fixture f;
  std::vector<std::string> made;
  for (int i = 0; i < 5; ++i) made.push_back(f.Account().account().id());
  std::vector<std::string> listed;
  v1::ListAccountsRequest request;
  request.set_page_size(2);
  do {
    auto page = f.client.Call(&Stub::ListAccounts, f.Operator(), request);
    REQUIRE(page.ok());
    for (const auto& account : page->accounts()) listed.push_back(account.id());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  CHECK(listed == made);
}

TEST_CASE("A repeated creation gives the same account and secret; no secret lies in the database") {
  Fixture f;
  v1::CreateAccountRequest request;
  request.set_display_name("Bakery");
  const Caller caller = f.Operator().WithKey("k1");
  auto first = f.client.Call(&Stub::CreateAccount, caller, request);
  auto again = f.client.Call(&Stub::CreateAccount, caller, request);
  REQUIRE(first.ok());
  CHECK(first->SerializeAsString() == again->SerializeAsString());
  CHECK(f.client.Call(&Stub::ListAccounts, f.Operator(), v1::ListAccountsRequest())
            ->accounts_size() == 1);
  request.set_display_name("Other");
  CHECK(ReasonOf(f.client.Call(&Stub::CreateAccount, caller, request).status()) ==
        "IDEMPOTENCY_KEY_REUSED");

  // The same key of an account is another key.
  const Caller owner = f.CallerOf(first->secret());
  v1::CreateApiKeyRequest key;
  key.set_display_name("shop");
  key.add_scopes("contacts:read");
  auto shop = f.client.Call(&Stub::CreateApiKey, owner.WithKey("k1"), key);
  auto shop_again = f.client.Call(&Stub::CreateApiKey, owner.WithKey("k1"), key);
  REQUIRE(shop.ok());
  CHECK(shop->SerializeAsString() == shop_again->SerializeAsString());
  CHECK(f.Authenticate(shop->secret()).ok());

  auto connection = storage::Connection::Open(f.env.postgres().UrlAs("postgres"));
  REQUIRE(connection.ok());
  auto kept =
      (*connection)->Query("SELECT answer FROM accounts.idempotency_keys", storage::Parameters());
  REQUIRE(kept.ok());
  REQUIRE(kept->size() == 2);
  for (const storage::Row row : *kept) {
    // Past the hint, which every list shows.
    CHECK(row.String(0).find(first->secret().substr(12)) == std::string::npos);
    CHECK(row.String(0).find(shop->secret().substr(12)) == std::string::npos);
  }
}

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
                           "messages", "rules", "settings", "sims"}) {
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

TEST_CASE("Accounts see and revoke their own keys only") {
  Fixture f;
  const v1::CreateAccountResponse one = f.Account("One");
  const v1::CreateAccountResponse two = f.Account("Two");
  const Caller first = f.CallerOf(one.secret());
  const Caller second = f.CallerOf(two.secret());
  auto keys = f.client.Call(&Stub::ListApiKeys, second, v1::ListApiKeysRequest());
  REQUIRE(keys.ok());
  REQUIRE(keys->api_keys_size() == 1);
  CHECK(keys->api_keys(0).id() == two.api_key().id());
  CHECK(keys->api_keys(0).hint() == two.api_key().hint());
  v1::RevokeApiKeyRequest revoke;
  revoke.set_id(one.api_key().id());
  CHECK(ReasonOf(f.client.Call(&Stub::RevokeApiKey, second, revoke).status()) ==
        "API_KEY_NOT_FOUND");
  CHECK(f.Authenticate(one.secret()).ok());
  CHECK(f.client.Call(&Stub::GetAccount, second, v1::GetAccountRequest())->display_name() == "Two");

  v1::Settings settings;
  settings.set_time_zone("Europe/Vienna");
  REQUIRE(f.Update(first, settings).ok());
  CHECK(f.Settings(second).time_zone() == "UTC");

  auto connection = storage::Connection::Open(f.env.postgres().UrlAs("mo_accounts"));
  REQUIRE(connection.ok());
  auto count = [&](const std::string& table) {
    return (*connection)
        ->Query("SELECT count(*) FROM accounts." + table, storage::Parameters())
        ->
        operator[](0)
        .Int(0);
  };
  for (const char* table : {"accounts", "settings", "api_keys", "idempotency_keys"})
    CHECK(count(table) == 0);
  REQUIRE(
      (*connection)->Script("SET mo.account_id = '" + std::to_string(first.account_id) + "'").ok());
  for (const char* table : {"accounts", "settings", "api_keys"}) CHECK(count(table) == 1);
}

TEST_CASE("Settings change field by field, under their etag") {
  Fixture f;
  const Caller owner = f.CallerOf(f.Account().secret());
  const v1::Settings before = f.Settings(owner);
  v1::Settings change;
  change.set_time_zone("America/Argentina/Buenos_Aires");
  change.add_stop_languages("de");
  change.set_delete_pending_after_days(30);
  change.set_etag(before.etag());
  auto after = f.Update(owner, change);
  REQUIRE(after.ok());
  CHECK(after->time_zone() == "America/Argentina/Buenos_Aires");
  CHECK(after->default_language() == "en");
  CHECK(after->etag() != before.etag());
  CHECK(f.Settings(owner).SerializeAsString() == after->SerializeAsString());
  CHECK(ReasonOf(f.Update(owner, change).status()) == "ETAG_MISMATCH");

  // What is named and empty goes back to its default.
  auto cleared = f.Update(owner, v1::Settings(), {"time_zone", "stop_languages"});
  REQUIRE(cleared.ok());
  CHECK(cleared->time_zone() == "UTC");
  CHECK(cleared->stop_languages_size() == 0);
  CHECK(cleared->delete_pending_after_days() == 30);
  CHECK(FieldProblemsOf(f.Update(owner, change, {"etag"}).status()).at(0).field == "update_mask");
}

TEST_CASE("Only names of IANA time zones are taken") {
  Fixture f;
  const Caller owner = f.CallerOf(f.Account().secret());
  for (const char* bad : {"Europe/Wien", "vienna", "../../../etc/passwd", "/usr/share/zoneinfo/UTC",
                          "file:Europe/Vienna", "localtime", "posixrules", "Europe", "Europe/",
                          "Fixed/UTC+01:00:00", "posix/Europe/Vienna"}) {
    v1::Settings settings;
    settings.set_time_zone(bad);
    auto problems = FieldProblemsOf(f.Update(owner, settings).status());
    CAPTURE(bad);
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].field == "settings.time_zone");
    CHECK(problems[0].reason == "UNKNOWN_TIME_ZONE");
  }
  for (const char* good : {"UTC", "Europe/Vienna", "Etc/GMT+5", "Asia/Kolkata"}) {
    v1::Settings settings;
    settings.set_time_zone(good);
    CHECK(f.Update(owner, settings).ok());
  }
  v1::Settings settings;
  settings.set_delete_stopped_after_days(-1);
  CHECK(FieldProblemsOf(f.Update(owner, settings).status()).at(0).reason == "OUT_OF_RANGE");
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

TEST_CASE("A restart changes nothing") {
  Environment env({Install});
  v1::CreateAccountRequest request;
  request.set_display_name("Bakery");
  Caller caller;
  caller.scopes = {"operator"};
  caller.idempotency_key = "k";
  auto create = [&] {
    Client<v1::AccountService> client(env.app());
    return client.Call(&Stub::CreateAccount, caller, request);
  };
  auto first = create();
  REQUIRE(first.ok());
  env.Restart();
  CHECK(create()->SerializeAsString() == first->SerializeAsString());
  Client<v1::AccountService> client(env.app());
  v1::AuthenticateRequest authenticate;
  authenticate.set_secret(first->secret());
  CHECK(client.Call(&Stub::Authenticate, ServiceCaller("edge", 0), authenticate).ok());
}

}  // namespace
}  // namespace mo::accounts
