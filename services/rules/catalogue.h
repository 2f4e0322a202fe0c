// The rules of accounts, as people write them.
#pragma once

#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "libs/storage/database.h"
#include "messageorganizer/media/v1/media.grpc.pb.h"
#include "messageorganizer/rules/v1/rules.pb.h"
#include "messageorganizer/sims/v1/sims.grpc.pb.h"
#include "services/rules/rulebook.h"

namespace mo::rules {

// What the service does with rules; service.cc only maps RPCs to it. Thread-safe.
class Catalogue {
 public:
  Catalogue(App& app, storage::Database& database, Rulebooks& rulebooks)
      : app_(app), database_(database), rulebooks_(rulebooks), media_(app), sims_(app) {}

  absl::StatusOr<v1::Rule> Create(const Caller& caller, const v1::CreateRuleRequest& request);
  absl::StatusOr<v1::Rule> Get(const Caller& caller, const v1::GetRuleRequest& request);
  absl::StatusOr<v1::ListRulesResponse> List(const Caller& caller,
                                             const v1::ListRulesRequest& request);
  absl::StatusOr<v1::Rule> Update(const Caller& caller, const v1::UpdateRuleRequest& request);
  absl::StatusOr<google::protobuf::Empty> Delete(const Caller& caller,
                                                 const v1::DeleteRuleRequest& request);
  // The rule that Create or, with an id, Update would make of it, checked; nothing is kept. Without
  // an id it gets the last there is.
  absl::StatusOr<v1::Rule> Draft(const Caller& caller, const v1::Rule& rule,
                                 const google::protobuf::FieldMask& mask);
  // Deletes some counts and decisions that nobody needs any more; true when there may be more.
  absl::StatusOr<bool> DeleteOld();

 private:
  // Whether channels, SIMs and files that the rule names are the account's.
  absl::Status CheckReferences(const Caller& caller, const v1::Rule& rule);

  App& app_;
  storage::Database& database_;
  Rulebooks& rulebooks_;
  Client<messageorganizer::media::v1::MediaService> media_;
  Client<messageorganizer::sims::v1::SimService> sims_;
};

}  // namespace mo::rules
