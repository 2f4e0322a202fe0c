#include "services/accounts/accounts.h"

#include "libs/runtime/field_mask.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/quiet_hours.h"
#include "libs/runtime/status.h"
#include "libs/storage/page.h"
#include "services/accounts/errors.h"
#include "services/accounts/settings.h"
#include "services/accounts/store.h"

namespace mo::accounts {

absl::StatusOr<v1::ListAccountsResponse> Accounts::List(const Caller&,
                                                        const v1::ListAccountsRequest& request) {
  const int32_t size = storage::PageSize(request.page_size());
  MO_ASSIGN_OR_RETURN(const int64_t after, storage::PageKey(request.page_token(), 0));
  MO_ASSIGN_OR_RETURN(std::vector<v1::Account> accounts,
                      database_.ReadAsSystem([&](storage::Transaction& tx) {
                        return SelectAccounts(tx, after, size + 1);
                      }));
  v1::ListAccountsResponse response;
  if (accounts.size() > static_cast<size_t>(size)) {
    accounts.pop_back();
    response.set_next_page_token(storage::PageToken(IdOf(accounts.back().id())));
  }
  for (v1::Account& account : accounts) *response.add_accounts() = std::move(account);
  return response;
}

absl::StatusOr<v1::Account> Accounts::Get(const Caller& caller, const v1::GetAccountRequest&) {
  return database_.ReadAs(caller.account_id,
                          [](storage::Transaction& tx) { return SelectAccount(tx); });
}

absl::StatusOr<v1::Settings> Accounts::GetSettings(const Caller& caller,
                                                   const v1::GetSettingsRequest&) {
  return database_.ReadAs(caller.account_id,
                          [](storage::Transaction& tx) { return SelectSettings(tx); });
}

absl::StatusOr<v1::Settings> Accounts::UpdateSettings(const Caller& caller,
                                                      const v1::UpdateSettingsRequest& request) {
  MO_ASSIGN_OR_RETURN(
      const std::set<std::string> fields,
      FieldsToUpdate(request.settings(), request.update_mask(),
                     {"time_zone", "default_language", "stop_languages",
                      "delete_pending_after_days", "delete_stopped_after_days", "quiet_hours"}));
  if (fields.count("quiet_hours") != 0 && request.settings().has_quiet_hours()) {
    Problems problems;
    CheckQuietHours(request.settings().quiet_hours(), "settings.quiet_hours", problems);
    MO_RETURN_IF_ERROR(problems.ToStatus());
  }
  return database_.Once<v1::Settings>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::Settings> {
        MO_ASSIGN_OR_RETURN(v1::Settings settings, LockSettings(tx));
        MO_RETURN_IF_ERROR(CheckEtag(request.settings().etag(), settings.etag()));
        CopyFields(request.settings(), fields, settings);
        // A field that is named and empty goes back to its default.
        const v1::Settings defaults = DefaultSettings();
        if (settings.time_zone().empty()) settings.set_time_zone(defaults.time_zone());
        if (settings.default_language().empty())
          settings.set_default_language(defaults.default_language());
        return ReplaceSettings(tx, settings);
      });
}

}  // namespace mo::accounts
