#include "services/sims/template_store.h"

#include "libs/runtime/clock.h"
#include "libs/runtime/status.h"

namespace mo::sims {

constexpr char kSelectTemplates[] =
    "SELECT name, language, category, status, body, body_parameters, header_format, "
    "rejected_reason, update_time FROM sims.templates WHERE account_id = $1 AND sim_id = $2 AND "
    "(name, language) > ($3, $4) AND ($5 = 0 OR status = $5) ORDER BY name, language LIMIT $6";
absl::StatusOr<std::vector<v1::SimTemplate>> SelectTemplates(
    storage::Transaction& tx, int64_t sim_id, const std::pair<std::string, std::string>& after,
    v1::TemplateStatus status, int32_t limit) {
  MO_ASSIGN_OR_RETURN(storage::Result rows,
                      tx.Query(kSelectTemplates, tx.account_id(), sim_id, after.first, after.second,
                               static_cast<int32_t>(status), limit));
  std::vector<v1::SimTemplate> templates;
  for (const storage::Row row : rows) {
    v1::SimTemplate& found = templates.emplace_back();
    found.set_name(row.String(0));
    found.set_language(row.String(1));
    found.set_category(row.String(2));
    found.set_status(static_cast<v1::TemplateStatus>(row.Int(3)));
    found.set_body(row.String(4));
    found.set_body_parameters(static_cast<int32_t>(row.Int(5)));
    found.set_header_format(row.String(6));
    found.set_rejected_reason(row.String(7));
    *found.mutable_update_time() = ToProto(row.Time(8));
  }
  return templates;
}

constexpr char kDeleteTemplates[] =
    "DELETE FROM sims.templates WHERE account_id = $1 AND sim_id = $2";
constexpr char kInsertTemplates[] =
    "INSERT INTO sims.templates (account_id, sim_id, name, language, category, status, body, "
    "body_parameters, header_format, rejected_reason, update_time) SELECT $1, $2, t.*, $11 FROM "
    "unnest((SELECT $3::text[]), (SELECT $4::text[]), (SELECT $5::text[]), (SELECT "
    "$6::smallint[]), (SELECT $7::text[]), (SELECT $8::bigint[]), (SELECT $9::text[]), (SELECT "
    "$10::text[])) AS t ON CONFLICT (account_id, sim_id, name, language) DO NOTHING";
constexpr char kNoteRead[] =
    "INSERT INTO sims.template_catalogues (account_id, sim_id, read_time, next_time) VALUES ($1, "
    "$2, $3, $3) ON CONFLICT (account_id, sim_id) DO UPDATE SET read_time = $3, next_time = $3";
void ReplaceTemplates(storage::Transaction& tx, const CatalogueOwner& owner,
                      const std::vector<v1::SimTemplate>& templates, absl::Time now) {
  std::vector<std::string> names, languages, categories, bodies, headers, reasons;
  std::vector<int16_t> statuses;
  std::vector<int64_t> parameters;
  for (const v1::SimTemplate& each : templates) {
    names.push_back(each.name());
    languages.push_back(each.language());
    categories.push_back(each.category());
    statuses.push_back(static_cast<int16_t>(each.status()));
    bodies.push_back(each.body());
    parameters.push_back(each.body_parameters());
    headers.push_back(each.header_format());
    reasons.push_back(each.rejected_reason());
  }
  tx.Defer(kDeleteTemplates, owner.account_id, owner.sim_id);
  tx.Defer(kInsertTemplates, owner.account_id, owner.sim_id, names, languages, categories, statuses,
           bodies, parameters, headers, reasons, now);
  tx.Defer(kNoteRead, owner.account_id, owner.sim_id, now);
}

constexpr char kUpsertStatus[] =
    "INSERT INTO sims.templates AS t (account_id, sim_id, name, language, category, status, body, "
    "body_parameters, header_format, rejected_reason, update_time) VALUES ($1, $2, $3, $4, '', "
    "$5::int, '', 0, '', '', $6) ON CONFLICT (account_id, sim_id, name, language) DO UPDATE SET "
    "status = $5::int, update_time = $6";
void UpsertTemplateStatus(storage::Transaction& tx, const CatalogueOwner& owner,
                          const std::string& name, const std::string& language,
                          v1::TemplateStatus status, absl::Time now) {
  tx.Defer(kUpsertStatus, owner.account_id, owner.sim_id, name, language,
           static_cast<int32_t>(status), now);
}

constexpr char kTakeCatalogues[] =
    "INSERT INTO sims.template_catalogues AS c (account_id, sim_id, next_time) "
    "SELECT d.account_id, d.sim_id, $4 FROM sims.drivers d LEFT JOIN sims.template_catalogues k "
    "ON k.account_id = d.account_id AND k.sim_id = d.sim_id WHERE d.driver = $1 AND d.business_id "
    "<> '' AND (k.sim_id IS NULL OR k.next_time <= $3 AND (k.read_time IS NULL OR k.read_time < "
    "$2)) LIMIT $5 ON CONFLICT (account_id, sim_id) DO UPDATE SET next_time = $4 WHERE c.next_time "
    "<= $3 RETURNING c.account_id, c.sim_id";
absl::StatusOr<std::vector<CatalogueOwner>> TakeCatalogues(storage::Transaction& tx,
                                                           absl::string_view driver,
                                                           absl::Time before, absl::Time now,
                                                           absl::Time next_time, int32_t limit) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kTakeCatalogues, std::string(driver), before,
                                                     now, next_time, limit));
  std::vector<CatalogueOwner> owners;
  for (const storage::Row row : rows) owners.push_back({row.Int(0), row.Int(1)});
  return owners;
}

constexpr char kDeleteCatalogue[] =
    "DELETE FROM sims.template_catalogues WHERE account_id = $1 AND sim_id = $2";
void DeleteTemplates(storage::Transaction& tx, int64_t sim_id) {
  tx.Defer(kDeleteTemplates, tx.account_id(), sim_id);
  tx.Defer(kDeleteCatalogue, tx.account_id(), sim_id);
}

}  // namespace mo::sims
