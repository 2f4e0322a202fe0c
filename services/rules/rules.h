// What accounts set, try and look up.
#pragma once

#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "libs/storage/database.h"
#include "messageorganizer/accounts/v1/accounts.grpc.pb.h"
#include "messageorganizer/channels/v1/channels.grpc.pb.h"
#include "messageorganizer/contacts/v1/contacts.grpc.pb.h"
#include "messageorganizer/rules/v1/rules.pb.h"
#include "services/rules/rulebook.h"
#include "services/rules/subscriptions.h"

namespace mo::rules {

// What the service does; service.cc only maps RPCs to it.
class Rules {
 public:
  Rules(App& app, storage::Database& database, Rulebooks& rulebooks)
      : app_(app),
        database_(database),
        rulebooks_(rulebooks),
        accounts_(app),
        channels_(app),
        contacts_(app),
        subscriptions_(app) {}

  absl::StatusOr<v1::StandardAnswers> GetStandardAnswers(
      const Caller& caller, const v1::GetStandardAnswersRequest& request);
  absl::StatusOr<v1::StandardAnswers> SetStandardAnswers(
      const Caller& caller, const v1::SetStandardAnswersRequest& request);
  absl::StatusOr<v1::StopWords> GetStopWords(const Caller& caller,
                                             const v1::GetStopWordsRequest& request);
  absl::StatusOr<v1::StopWords> SetStopWords(const Caller& caller,
                                             const v1::SetStopWordsRequest& request);
  absl::StatusOr<v1::Evaluation> Test(const Caller& caller, const v1::TestRulesRequest& request);
  absl::StatusOr<v1::ListEvaluationsResponse> ListEvaluations(
      const Caller& caller, const v1::ListEvaluationsRequest& request);
  // Deletes some of the evaluations that are older than 30 days; true when there may be more.
  absl::StatusOr<bool> DeleteOld();

 private:
  absl::StatusOr<messageorganizer::contacts::v1::Contact> WriterOf(
      const Caller& caller, const v1::TestRulesRequest& request);
  absl::StatusOr<messageorganizer::accounts::v1::Settings> Settings(const Caller& caller);

  App& app_;
  storage::Database& database_;
  Rulebooks& rulebooks_;
  Client<messageorganizer::accounts::v1::AccountService> accounts_;
  Client<messageorganizer::channels::v1::ChannelService> channels_;
  Client<messageorganizer::contacts::v1::ContactService> contacts_;
  Subscriptions subscriptions_;
};

}  // namespace mo::rules
