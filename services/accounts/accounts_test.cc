// Accounts: made, listed, kept apart.
#include "services/accounts/test_fixture.h"

namespace mo::accounts {
namespace {

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
