#include "services/links/link_settings.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/runtime/field_mask.h"
#include "libs/runtime/status.h"
#include "services/links/errors.h"

namespace mo::links {
namespace {

// The row is made by whoever comes first, and locked.
constexpr char kLockLinkSettings[] =
    "INSERT INTO links.settings (account_id) VALUES ($1) ON CONFLICT (account_id) DO UPDATE SET "
    "account_id = excluded.account_id RETURNING domain, version";
constexpr char kSelectLinkSettings[] =
    "SELECT domain, version FROM links.settings WHERE account_id = $1";
constexpr char kUpdateLinkSettings[] =
    "UPDATE links.settings SET domain = NULLIF($2, ''), version = version + 1 WHERE account_id = "
    "$1";
constexpr char kSelectDomains[] =
    "SELECT domain, account_id FROM links.settings WHERE domain IS NOT NULL";

v1::LinkSettings SettingsFrom(const storage::Result& rows) {
  v1::LinkSettings settings;
  settings.set_domain(rows.empty() ? "" : rows[0].String(0));
  settings.set_etag(absl::StrCat(rows.empty() ? 1 : rows[0].Int(1)));
  return settings;
}

}  // namespace

std::string HostOf(absl::string_view url_or_host) {
  if (const size_t scheme = url_or_host.find("://"); scheme != absl::string_view::npos)
    url_or_host.remove_prefix(scheme + 3);
  url_or_host = url_or_host.substr(0, url_or_host.find_first_of("/?#"));
  // Not the colons of an IPv6 address.
  const size_t colon = url_or_host.rfind(':');
  if (colon != absl::string_view::npos && url_or_host.find(']', colon) == absl::string_view::npos)
    url_or_host = url_or_host.substr(0, colon);
  return absl::AsciiStrToLower(url_or_host);
}

Settings::Settings(storage::Database& database, absl::string_view redirect_url)
    : database_(database),
      default_base_(redirect_url.empty() || absl::EndsWith(redirect_url, "/")
                        ? std::string(redirect_url)
                        : absl::StrCat(redirect_url, "/")),
      default_host_(HostOf(redirect_url)) {}

absl::StatusOr<v1::LinkSettings> Settings::Get(const Caller& caller) {
  return database_.ReadAs(caller.account_id,
                          [&](storage::Transaction& tx) -> absl::StatusOr<v1::LinkSettings> {
                            MO_ASSIGN_OR_RETURN(const storage::Result rows,
                                                tx.Query(kSelectLinkSettings, tx.account_id()));
                            return WithBase(SettingsFrom(rows));
                          });
}

absl::StatusOr<v1::LinkSettings> Settings::Update(const Caller& caller,
                                                  const v1::UpdateLinkSettingsRequest& request) {
  MO_ASSIGN_OR_RETURN(const std::set<std::string> fields,
                      FieldsToUpdate(request.settings(), request.update_mask(), {"domain"}));
  if (!default_host_.empty() && request.settings().domain() == default_host_) return DomainTaken();
  absl::StatusOr<v1::LinkSettings> updated = database_.Once<v1::LinkSettings>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::LinkSettings> {
        MO_ASSIGN_OR_RETURN(const storage::Result rows,
                            tx.Query(kLockLinkSettings, tx.account_id()));
        v1::LinkSettings settings = SettingsFrom(rows);
        MO_RETURN_IF_ERROR(CheckEtag(request.settings().etag(), settings.etag()));
        CopyFields(request.settings(), fields, settings);
        tx.Defer(kUpdateLinkSettings, tx.account_id(), settings.domain());
        settings.set_etag(absl::StrCat(rows[0].Int(1) + 1));
        return WithBase(std::move(settings));
      });
  if (storage::Violates(updated.status(), "settings_domain")) return DomainTaken();
  if (updated.ok()) on_changed_();
  return updated;
}

v1::LinkSettings Settings::WithBase(v1::LinkSettings settings) const {
  settings.set_base_url(
      settings.domain().empty() ? default_base_ : absl::StrCat("https://", settings.domain(), "/"));
  return settings;
}

absl::StatusOr<std::string> Settings::BaseUrl(storage::Transaction& tx) const {
  MO_ASSIGN_OR_RETURN(const storage::Result rows, tx.Query(kSelectLinkSettings, tx.account_id()));
  return WithBase(SettingsFrom(rows)).base_url();
}

absl::StatusOr<std::vector<std::pair<std::string, int64_t>>> Settings::AllDomains() {
  using Domains = std::vector<std::pair<std::string, int64_t>>;
  return database_.ReadAsSystem([](storage::Transaction& tx) -> absl::StatusOr<Domains> {
    MO_ASSIGN_OR_RETURN(const storage::Result rows, tx.Query(kSelectDomains));
    Domains domains;
    for (const storage::Row row : rows) domains.emplace_back(row.String(0), row.Int(1));
    return domains;
  });
}

}  // namespace mo::links
