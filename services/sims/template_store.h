// Tables of templates: sims.templates, sims.template_catalogues.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/storage/transaction.h"
#include "messageorganizer/sims/v1/sims.pb.h"

namespace mo::sims {

namespace v1 = messageorganizer::sims::v1;

// A SIM whose catalogue is to be read.
struct CatalogueOwner {
  int64_t account_id = 0;
  int64_t sim_id = 0;
};

// Templates after a name and language, by these; of one status unless UNSPECIFIED.
absl::StatusOr<std::vector<v1::SimTemplate>> SelectTemplates(
    storage::Transaction& tx, int64_t sim_id, const std::pair<std::string, std::string>& after,
    v1::TemplateStatus status, int32_t limit);
// Replaces a SIM's catalogue by what was read.
void ReplaceTemplates(storage::Transaction& tx, const CatalogueOwner& owner,
                      const std::vector<v1::SimTemplate>& templates, absl::Time now);
// The network has told one template's status. One that is not known yet is kept with it.
void UpsertTemplateStatus(storage::Transaction& tx, const CatalogueOwner& owner,
                          const std::string& name, const std::string& language,
                          v1::TemplateStatus status, absl::Time now);
// SIMs of a driver with a business whose catalogue has not been read since `before`, and is not to
// be waited for; they are nobody else's until `next_time`. System role.
absl::StatusOr<std::vector<CatalogueOwner>> TakeCatalogues(storage::Transaction& tx,
                                                           absl::string_view driver,
                                                           absl::Time before, absl::Time now,
                                                           absl::Time next_time, int32_t limit);
// What is kept of a SIM that is deleted goes.
void DeleteTemplates(storage::Transaction& tx, int64_t sim_id);

}  // namespace mo::sims
