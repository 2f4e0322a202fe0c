#include "services/accounts/api_keys.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "libs/storage/page.h"
#include "services/accounts/errors.h"
#include "services/accounts/scopes.h"
#include "services/accounts/settings.h"
#include "services/accounts/store.h"

namespace mo::accounts {
namespace {

constexpr int64_t kMaxApiKeys = 1000;
constexpr size_t kHintLength = 12;  // four random characters: 232 bits stay secret
constexpr char kAuthentications[] = "mo_accounts_authentications_total";
constexpr char kAuthenticationsHelp[] = "API keys that were looked up";

// Unlike Caller::Holds, a service's "internal" counts for nothing here: it is on every call that
// passes through a service, whoever's it is.
bool HoldsItself(const Caller& caller, const std::string& scope) {
  return std::any_of(caller.scopes.begin(), caller.scopes.end(),
                     [&](const std::string& held) { return held == scope || held == "*"; });
}

// A typing error would make a key that is refused everywhere. And nobody can give what he does not
// have.
absl::Status CheckScopes(const Caller& caller, const v1::CreateApiKeyRequest& request) {
  Problems problems;
  for (int i = 0; i < request.scopes_size(); ++i) {
    const std::string field = absl::StrCat("scopes[", i, "]");
    if (KnownScopes().count(request.scopes(i)) == 0) {
      problems.Add(field, "UNKNOWN_SCOPE", "there is no such scope");
    } else if (!HoldsItself(caller, request.scopes(i))) {
      problems.Add(field, "SCOPE_EXCEEDED", "your own key does not hold this scope");
    }
  }
  return problems.ToStatus();
}

}  // namespace

ApiKeys::ApiKeys(App& app, storage::Database& database)
    : app_(app),
      database_(database),
      sealer_(app.options().identity_key),
      accepted_(
          app.metrics().Counter(kAuthentications, kAuthenticationsHelp, {{"outcome", "accepted"}})),
      refused_(app.metrics().Counter(kAuthentications, kAuthenticationsHelp,
                                     {{"outcome", "refused"}})) {}

v1::CreateApiKeyResponse ApiKeys::NewKey(const std::string& display_name) {
  v1::CreateApiKeyResponse made;
  made.set_secret(NewSecret());
  v1::ApiKey& key = *made.mutable_api_key();
  key.set_id(FormatId("key", app_.ids().Next()));
  key.set_display_name(display_name);
  key.set_hint(made.secret().substr(0, kHintLength));
  *key.mutable_create_time() = ToProto(app_.clock().Now());
  return made;
}

absl::StatusOr<v1::CreateAccountResponse> ApiKeys::CreateAccount(
    const Caller& caller, const v1::CreateAccountRequest& request) {
  v1::Settings settings = DefaultSettings();
  if (!request.time_zone().empty()) settings.set_time_zone(request.time_zone());
  if (!request.default_language().empty())
    settings.set_default_language(request.default_language());

  const int64_t account_id = app_.ids().Next();
  v1::CreateApiKeyResponse first = NewKey("First key");
  first.mutable_api_key()->add_scopes("*");
  v1::CreateAccountResponse made;
  made.mutable_account()->set_id(FormatId("acc", account_id));
  made.mutable_account()->set_display_name(request.display_name());
  *made.mutable_account()->mutable_create_time() = first.api_key().create_time();
  *made.mutable_api_key() = first.api_key();
  made.set_secret(sealer_.Seal(first.secret(), first.api_key().id()));

  // The operator has no account: the work runs as the system, and its idempotency keys are kept
  // under account 0.
  absl::StatusOr<v1::CreateAccountResponse> kept = database_.Once<v1::CreateAccountResponse>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::CreateAccountResponse> {
        MO_RETURN_IF_ERROR(InsertAccount(tx, account_id, made.account(), settings));
        MO_RETURN_IF_ERROR(
            InsertApiKey(tx, account_id, made.api_key(), HashOfSecret(first.secret())));
        return made;
      });
  MO_RETURN_IF_ERROR(kept.status());
  MO_ASSIGN_OR_RETURN(*kept->mutable_secret(), sealer_.Open(kept->secret(), kept->api_key().id()));
  return kept;
}

absl::StatusOr<v1::CreateApiKeyResponse> ApiKeys::Create(const Caller& caller,
                                                         const v1::CreateApiKeyRequest& request) {
  MO_RETURN_IF_ERROR(CheckScopes(caller, request));
  v1::CreateApiKeyResponse made = NewKey(request.display_name());
  *made.mutable_api_key()->mutable_scopes() = request.scopes();
  const std::string hash = HashOfSecret(made.secret());
  made.set_secret(sealer_.Seal(made.secret(), made.api_key().id()));
  absl::StatusOr<v1::CreateApiKeyResponse> kept = database_.Once<v1::CreateApiKeyResponse>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::CreateApiKeyResponse> {
        MO_ASSIGN_OR_RETURN(const int64_t count, LockAndCountApiKeys(tx));
        if (count >= kMaxApiKeys) return TooManyApiKeys();
        MO_RETURN_IF_ERROR(InsertApiKey(tx, tx.account_id(), made.api_key(), hash));
        return made;
      });
  MO_RETURN_IF_ERROR(kept.status());
  MO_ASSIGN_OR_RETURN(*kept->mutable_secret(), sealer_.Open(kept->secret(), kept->api_key().id()));
  return kept;
}

absl::StatusOr<v1::ListApiKeysResponse> ApiKeys::List(const Caller& caller,
                                                      const v1::ListApiKeysRequest& request) {
  const int32_t size = storage::PageSize(request.page_size());
  MO_ASSIGN_OR_RETURN(const int64_t after, storage::PageKey(request.page_token(), 0));
  MO_ASSIGN_OR_RETURN(std::vector<v1::ApiKey> keys,
                      database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
                        return SelectApiKeys(tx, after, size + 1);
                      }));
  v1::ListApiKeysResponse response;
  if (keys.size() > static_cast<size_t>(size)) {
    keys.pop_back();
    response.set_next_page_token(storage::PageToken(IdOf(keys.back().id())));
  }
  for (v1::ApiKey& key : keys) *response.add_api_keys() = std::move(key);
  return response;
}

absl::StatusOr<google::protobuf::Empty> ApiKeys::Revoke(const Caller& caller,
                                                        const v1::RevokeApiKeyRequest& request) {
  return database_.Once<google::protobuf::Empty>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<google::protobuf::Empty> {
        MO_RETURN_IF_ERROR(RevokeApiKey(tx, IdOf(request.id()), app_.clock().Now()));
        return google::protobuf::Empty();
      });
}

absl::StatusOr<v1::AuthenticateResponse> ApiKeys::Find(const std::string& secret) {
  const std::string& operator_key = app_.options().operator_key;
  if (!operator_key.empty() && SameSecret(secret, operator_key)) {
    v1::AuthenticateResponse response;
    response.set_key_id("operator");
    response.add_scopes("operator");
    return response;
  }
  if (!LooksLikeSecret(secret)) return ApiKeyInvalid();
  return database_.ReadAsSystem(
      [&](storage::Transaction& tx) { return FindApiKey(tx, HashOfSecret(secret)); });
}

absl::StatusOr<v1::AuthenticateResponse> ApiKeys::Authenticate(
    const Caller&, const v1::AuthenticateRequest& request) {
  absl::StatusOr<v1::AuthenticateResponse> found = Find(request.secret());
  // Neither counts when the database could not be asked.
  if (found.ok()) accepted_.Increment();
  if (absl::IsUnauthenticated(found.status())) refused_.Increment();
  return found;
}

}  // namespace mo::accounts
