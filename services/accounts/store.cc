#include "services/accounts/store.h"

#include "absl/strings/str_cat.h"
#include "libs/runtime/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "services/accounts/errors.h"
#include "services/accounts/settings.h"

namespace mo::accounts {
namespace {

template <class Repeated>
std::vector<std::string> Strings(const Repeated& items) {
  return std::vector<std::string>(items.begin(), items.end());
}

std::optional<std::string> OrNull(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

v1::Account AccountFromRow(const storage::Row& row) {
  v1::Account account;
  account.set_id(FormatId("acc", row.Int(0)));
  account.set_display_name(row.String(1));
  *account.mutable_create_time() = ToProto(row.Time(2));
  return account;
}

v1::Settings SettingsFromRow(const storage::Row& row) {
  v1::Settings settings;
  settings.set_time_zone(row.String(0));
  settings.set_default_language(row.String(1));
  for (auto& language : row.Get<std::vector<std::string>>(2)) settings.add_stop_languages(language);
  settings.set_delete_pending_after_days(row.Get<int32_t>(3));
  settings.set_delete_stopped_after_days(row.Get<int32_t>(4));
  settings.set_etag(absl::StrCat(row.Int(5)));
  if (!row.IsNull(6)) {
    settings.mutable_quiet_hours()->set_start(row.String(6));
    settings.mutable_quiet_hours()->set_end(row.String(7));
  }
  return settings;
}

v1::ApiKey ApiKeyFromRow(const storage::Row& row) {
  v1::ApiKey key;
  key.set_id(FormatId("key", row.Int(0)));
  key.set_display_name(row.String(1));
  for (auto& scope : row.Get<std::vector<std::string>>(2)) key.add_scopes(scope);
  key.set_hint(row.String(3));
  *key.mutable_create_time() = ToProto(row.Time(4));
  return key;
}

// Leaves a row alone that is there already.
constexpr char kInsertSettings[] =
    "INSERT INTO accounts.settings (account_id, time_zone, default_language, stop_languages, "
    "delete_pending_after_days, delete_stopped_after_days, version) "
    "VALUES ($1, $2, $3, $4, $5, $6, 1) ON CONFLICT (account_id) DO NOTHING";
absl::Status InsertSettings(storage::Transaction& tx, int64_t account_id,
                            const v1::Settings& settings) {
  return tx.Run(kInsertSettings, account_id, settings.time_zone(), settings.default_language(),
                Strings(settings.stop_languages()), settings.delete_pending_after_days(),
                settings.delete_stopped_after_days());
}

}  // namespace

constexpr char kInsertAccount[] =
    "INSERT INTO accounts.accounts (account_id, display_name, create_time) VALUES ($1, $2, $3)";
absl::Status InsertAccount(storage::Transaction& tx, int64_t account_id, const v1::Account& account,
                           const v1::Settings& settings) {
  MO_RETURN_IF_ERROR(
      tx.Run(kInsertAccount, account_id, account.display_name(), FromProto(account.create_time())));
  return InsertSettings(tx, account_id, settings);
}

constexpr char kSelectAccount[] =
    "SELECT account_id, display_name, create_time FROM accounts.accounts WHERE account_id = $1";
absl::StatusOr<v1::Account> SelectAccount(storage::Transaction& tx) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectAccount, tx.account_id()));
  if (rows.empty()) return AccountNotFound();
  return AccountFromRow(rows[0]);
}

constexpr char kSelectAccounts[] =
    "SELECT account_id, display_name, create_time FROM accounts.accounts WHERE account_id > $1 "
    "ORDER BY account_id LIMIT $2";
absl::StatusOr<std::vector<v1::Account>> SelectAccounts(storage::Transaction& tx, int64_t after,
                                                        int32_t limit) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectAccounts, after, limit));
  std::vector<v1::Account> accounts;
  for (const storage::Row row : rows) accounts.push_back(AccountFromRow(row));
  return accounts;
}

#define SELECT_SETTINGS                                                                \
  "SELECT time_zone, default_language, stop_languages, delete_pending_after_days, "    \
  "delete_stopped_after_days, version, quiet_start, quiet_end FROM accounts.settings " \
  "WHERE account_id = $1"

constexpr char kSelectSettings[] = SELECT_SETTINGS;
absl::StatusOr<v1::Settings> SelectSettings(storage::Transaction& tx) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectSettings, tx.account_id()));
  return rows.empty() ? DefaultSettings() : SettingsFromRow(rows[0]);
}

constexpr char kLockSettings[] = SELECT_SETTINGS " FOR NO KEY UPDATE";
absl::StatusOr<v1::Settings> LockSettings(storage::Transaction& tx) {
  MO_RETURN_IF_ERROR(InsertSettings(tx, tx.account_id(), DefaultSettings()));
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kLockSettings, tx.account_id()));
  return SettingsFromRow(rows[0]);
}

constexpr char kReplaceSettings[] =
    "UPDATE accounts.settings SET time_zone = $2, default_language = $3, stop_languages = $4, "
    "delete_pending_after_days = $5, delete_stopped_after_days = $6, quiet_start = $7, "
    "quiet_end = $8, version = version + 1 "
    "WHERE account_id = $1 RETURNING version";
absl::StatusOr<v1::Settings> ReplaceSettings(storage::Transaction& tx, v1::Settings settings) {
  MO_ASSIGN_OR_RETURN(
      storage::Result rows,
      tx.Query(kReplaceSettings, tx.account_id(), settings.time_zone(), settings.default_language(),
               Strings(settings.stop_languages()), settings.delete_pending_after_days(),
               settings.delete_stopped_after_days(), OrNull(settings.quiet_hours().start()),
               OrNull(settings.quiet_hours().end())));
  settings.set_etag(absl::StrCat(rows[0].Int(0)));
  return settings;
}

constexpr char kLockAccount[] =
    "SELECT 1 FROM accounts.accounts WHERE account_id = $1 FOR NO KEY UPDATE";
constexpr char kCountApiKeys[] =
    "SELECT count(*) FROM accounts.api_keys WHERE account_id = $1 AND revoke_time IS NULL";
absl::StatusOr<int64_t> LockAndCountApiKeys(storage::Transaction& tx) {
  MO_ASSIGN_OR_RETURN(storage::Result account, tx.Query(kLockAccount, tx.account_id()));
  if (account.empty()) return AccountNotFound();
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kCountApiKeys, tx.account_id()));
  return rows[0].Int(0);
}

constexpr char kInsertApiKey[] =
    "INSERT INTO accounts.api_keys (account_id, id, display_name, scopes, hint, secret_hash, "
    "create_time) VALUES ($1, $2, $3, $4, $5, $6, $7)";
absl::Status InsertApiKey(storage::Transaction& tx, int64_t account_id, const v1::ApiKey& key,
                          absl::string_view secret_hash) {
  return tx.Run(kInsertApiKey, account_id, IdOf(key.id()), key.display_name(),
                Strings(key.scopes()), key.hint(), storage::Bytes{secret_hash},
                FromProto(key.create_time()));
}

constexpr char kSelectApiKeys[] =
    "SELECT id, display_name, scopes, hint, create_time FROM accounts.api_keys "
    "WHERE account_id = $1 AND id > $2 AND revoke_time IS NULL ORDER BY id LIMIT $3";
absl::StatusOr<std::vector<v1::ApiKey>> SelectApiKeys(storage::Transaction& tx, int64_t after,
                                                      int32_t limit) {
  MO_ASSIGN_OR_RETURN(storage::Result rows,
                      tx.Query(kSelectApiKeys, tx.account_id(), after, limit));
  std::vector<v1::ApiKey> keys;
  for (const storage::Row row : rows) keys.push_back(ApiKeyFromRow(row));
  return keys;
}

constexpr char kRevokeApiKey[] =
    "UPDATE accounts.api_keys SET revoke_time = $3 WHERE account_id = $1 AND id = $2 AND "
    "revoke_time IS NULL";
absl::Status RevokeApiKey(storage::Transaction& tx, int64_t id, absl::Time now) {
  MO_ASSIGN_OR_RETURN(storage::Result updated, tx.Query(kRevokeApiKey, tx.account_id(), id, now));
  return updated.affected() == 0 ? ApiKeyNotFound() : absl::OkStatus();
}

constexpr char kFindApiKey[] =
    "SELECT account_id, id, scopes FROM accounts.api_keys WHERE secret_hash = $1 AND revoke_time "
    "IS NULL";
absl::StatusOr<v1::AuthenticateResponse> FindApiKey(storage::Transaction& tx,
                                                    absl::string_view secret_hash) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kFindApiKey, storage::Bytes{secret_hash}));
  if (rows.empty()) return ApiKeyInvalid();
  v1::AuthenticateResponse response;
  response.set_account_id(rows[0].Int(0));
  response.set_key_id(FormatId("key", rows[0].Int(1)));
  for (auto& scope : rows[0].Get<std::vector<std::string>>(2)) response.add_scopes(scope);
  return response;
}

}  // namespace mo::accounts
