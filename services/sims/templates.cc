#include "services/sims/templates.h"

#include <future>

#include "absl/strings/str_split.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "libs/storage/page.h"
#include "services/sims/drivers/whatsapp_cloud.h"
#include "services/sims/errors.h"
#include "services/sims/pool_store.h"

namespace mo::sims {
namespace {

// Changes are told by callbacks; this finds what was missed.
constexpr absl::Duration kMaxAge = absl::Hours(24);
constexpr absl::Duration kRetry = absl::Minutes(15);
constexpr int32_t kBatch = 10;
// As in sims.proto. Meta allows a verified business 6,000.
constexpr size_t kMostTemplates = 6000;
constexpr absl::Duration kTimeout = absl::Seconds(10);
constexpr char kSeparator = '\n';  // is in no name

absl::Status NoCatalogue() {
  return Error(absl::StatusCode::kFailedPrecondition, "NOT_SUPPORTED",
               "this SIM has no catalogue: its network has no templates, or its settings name no "
               "business");
}

}  // namespace

Templates::Templates(App& app, storage::Database& database, SimDrivers& drivers,
                     http::PoolClient& client,
                     std::function<void(http::ClientRequest& request)> guard)
    : app_(app),
      database_(database),
      drivers_(drivers),
      client_(client),
      guard_(std::move(guard)),
      failures_(app.metrics().Counter("mo_sims_template_reads_failed_total",
                                      "Catalogues of templates that could not be read")) {}

absl::StatusOr<v1::ListTemplatesResponse> Templates::List(const Caller& caller,
                                                          const v1::ListTemplatesRequest& request) {
  const int32_t size = storage::PageSize(request.page_size());
  MO_ASSIGN_OR_RETURN(const std::string key, storage::PageKey(request.page_token()));
  const std::pair<std::string, std::string> after =
      absl::StrSplit(key, absl::MaxSplits(kSeparator, 1));
  std::vector<v1::SimTemplate> found;
  MO_RETURN_IF_ERROR(database_.As(caller.account_id, [&](storage::Transaction& tx) -> absl::Status {
    const int64_t id = IdOf(request.id());
    MO_RETURN_IF_ERROR(SelectSim(tx, id, app_.clock().Now()).status());
    MO_ASSIGN_OR_RETURN(found, SelectTemplates(tx, id, after, request.status(), size + 1));
    return absl::OkStatus();
  }));
  v1::ListTemplatesResponse response;
  if (found.size() > static_cast<size_t>(size)) {
    found.pop_back();
    response.set_next_page_token(storage::PageToken(
        absl::StrCat(found.back().name(), std::string(1, kSeparator), found.back().language())));
  }
  for (v1::SimTemplate& each : found) *response.add_templates() = std::move(each);
  return response;
}

absl::StatusOr<v1::SyncTemplatesResponse> Templates::Sync(const Caller& caller,
                                                          const v1::SyncTemplatesRequest& request) {
  const int64_t id = IdOf(request.id());
  MO_RETURN_IF_ERROR(
      database_
          .ReadAs(caller.account_id,
                  [&](storage::Transaction& tx) { return SelectSim(tx, id, app_.clock().Now()); })
          .status());
  v1::SyncTemplatesResponse response;
  MO_ASSIGN_OR_RETURN(const int32_t count, Read({caller.account_id, id}));
  response.set_templates(count);
  return response;
}

absl::Status Templates::Note(const SimDriver& sim, const HealthEvent& event) {
  const std::pair<std::string, std::string> id =
      absl::StrSplit(event.name, absl::MaxSplits('/', 1));
  // Not said of which one.
  if (id.first.empty() || id.second.empty()) return absl::OkStatus();
  return database_.As(sim.account_id, [&](storage::Transaction& tx) {
    UpsertTemplateStatus(tx, {sim.account_id, sim.sim_id}, id.first, id.second,
                         TemplateStatusOf(event.detail), app_.clock().Now());
    return absl::OkStatus();
  });
}

absl::StatusOr<bool> Templates::RunOnce() {
  const absl::Time now = app_.clock().Now();
  MO_ASSIGN_OR_RETURN(
      const std::vector<CatalogueOwner> due, database_.AsSystem([&](storage::Transaction& tx) {
        return TakeCatalogues(tx, "whatsapp_cloud", now - kMaxAge, now, now + kRetry, kBatch);
      }));
  for (const CatalogueOwner& owner : due) {
    if (const absl::Status status = Read(owner).status(); !status.ok()) {
      failures_.Increment();
      Log(LogLevel::kWarning, "a SIM's templates could not be read",
          {{"sim", FormatId("sim", owner.sim_id)}, {"error", std::string(status.message())}});
    }
  }
  return due.size() == kBatch;
}

absl::StatusOr<int32_t> Templates::Read(const CatalogueOwner& owner) {
  MO_ASSIGN_OR_RETURN(const std::shared_ptr<const SimDriver> sim, drivers_.Find(owner.sim_id));
  if (sim == nullptr || sim->account_id != owner.account_id) return NoCatalogue();
  MO_ASSIGN_OR_RETURN(const std::vector<v1::SimTemplate> templates, FetchAll(*sim->driver));
  MO_RETURN_IF_ERROR(database_.As(owner.account_id, [&](storage::Transaction& tx) {
    ReplaceTemplates(tx, owner, templates, app_.clock().Now());
    return absl::OkStatus();
  }));
  return static_cast<int32_t>(templates.size());
}

absl::StatusOr<std::vector<v1::SimTemplate>> Templates::FetchAll(const Driver& driver) {
  std::vector<v1::SimTemplate> all;
  for (std::string cursor;;) {
    std::optional<http::ClientRequest> request = driver.ListTemplates(cursor);
    if (!request) return NoCatalogue();
    const absl::StatusOr<http::Response> response = Fetch(*std::move(request));
    if (!response.ok()) return ProviderUnavailable(response.status().message());
    absl::StatusOr<TemplatePage> page = driver.ParseTemplates(*response);
    if (absl::IsPermissionDenied(page.status())) return ProviderRefused(page.status().message());
    if (!page.ok()) return ProviderUnavailable(page.status().message());
    for (v1::SimTemplate& each : page->templates) {
      if (all.size() < kMostTemplates) all.push_back(std::move(each));
    }
    // A cursor that stays the same would lead nowhere.
    if (page->next.empty() || page->next == cursor || all.size() >= kMostTemplates) return all;
    cursor = page->next;
  }
}

absl::StatusOr<http::Response> Templates::Fetch(http::ClientRequest request) {
  request.timeout = kTimeout;
  guard_(request);
  std::promise<absl::StatusOr<http::Response>> answer;
  client_.Fetch(std::move(request), [&](const absl::StatusOr<http::Response>& response) {
    answer.set_value(response);
  });
  return answer.get_future().get();
}

}  // namespace mo::sims
