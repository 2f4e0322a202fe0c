#include "services/rules/rules.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "libs/storage/page.h"
#include "services/rules/decide.h"
#include "services/rules/stop_words.h"
#include "services/rules/store.h"

namespace mo::rules {

namespace accounts_v1 = messageorganizer::accounts::v1;
namespace channels_v1 = messageorganizer::channels::v1;
namespace contacts_v1 = messageorganizer::contacts::v1;

namespace {

constexpr absl::Duration kKeep = absl::Hours(30 * 24);

}  // namespace

absl::StatusOr<accounts_v1::Settings> Rules::Settings(const Caller& caller) {
  return accounts_.Call(&accounts_v1::AccountService::Stub::GetSettings, caller.WithKey(""),
                        accounts_v1::GetSettingsRequest());
}

absl::StatusOr<v1::StandardAnswers> Rules::GetStandardAnswers(
    const Caller& caller, const v1::GetStandardAnswersRequest& request) {
  MO_ASSIGN_OR_RETURN(const std::shared_ptr<const AccountRules> rules, rulebooks_.Load(caller));
  v1::StandardAnswers answers =
      AnswersFor(rules->answers, request.language(), rules->default_language);
  answers.set_language(request.language());
  return answers;
}

absl::StatusOr<v1::StandardAnswers> Rules::SetStandardAnswers(
    const Caller& caller, const v1::SetStandardAnswersRequest& request) {
  MO_RETURN_IF_ERROR(CheckAnswers(request.answers()));
  absl::StatusOr<v1::StandardAnswers> set = database_.Once<v1::StandardAnswers>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::StandardAnswers> {
        UpsertAnswers(tx, request.answers());
        return request.answers();
      });
  rulebooks_.Forget(caller.account_id);
  return set;
}

absl::StatusOr<v1::StopWords> Rules::GetStopWords(const Caller& caller,
                                                  const v1::GetStopWordsRequest&) {
  MO_ASSIGN_OR_RETURN(const accounts_v1::Settings settings, Settings(caller));
  MO_ASSIGN_OR_RETURN(v1::StopWords own, database_.ReadAs(caller.account_id, SelectStopWords));
  return WithStandard(settings, std::move(own));
}

absl::StatusOr<v1::StopWords> Rules::SetStopWords(const Caller& caller,
                                                  const v1::SetStopWordsRequest& request) {
  MO_ASSIGN_OR_RETURN(const accounts_v1::Settings settings, Settings(caller));
  MO_ASSIGN_OR_RETURN(const channels_v1::ListKeywordsResponse keywords,
                      channels_.Call(&channels_v1::ChannelService::Stub::ListKeywords,
                                     caller.WithKey(""), channels_v1::ListKeywordsRequest()));
  absl::StatusOr<v1::StopWords> set = database_.Once<v1::StopWords>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::StopWords> {
        MO_ASSIGN_OR_RETURN(v1::StopWords own, SelectStopWords(tx));
        own = Changed(std::move(own), request.stop_words());
        MO_RETURN_IF_ERROR(CheckStopWords(request.stop_words(), own, settings, keywords));
        UpsertStopWords(tx, own);
        return WithStandard(settings, std::move(own));
      });
  rulebooks_.Forget(caller.account_id);
  return set;
}

absl::StatusOr<contacts_v1::Contact> Rules::WriterOf(const Caller& caller,
                                                     const v1::TestRulesRequest& request) {
  contacts_v1::Contact writer;
  writer.set_network(request.network());
  if (request.contact_id().empty()) return writer;
  contacts_v1::GetContactRequest get;
  get.set_id(request.contact_id());
  return contacts_.Call(&contacts_v1::ContactService::Stub::GetContact, caller.WithKey(""), get);
}

absl::StatusOr<v1::Evaluation> Rules::Test(const Caller& caller,
                                           const v1::TestRulesRequest& request) {
  if (request.in_group() && !request.contact_id().empty())
    return InvalidField("in_group", "NOT_ALLOWED", "who writes in a group is no contact");
  MO_ASSIGN_OR_RETURN(const std::shared_ptr<const Rulebook> book,
                      rulebooks_.Get(caller, app_.clock().Now()));
  Occasion occasion;
  occasion.text = request.text();
  occasion.outcome = request.first_message() ? contacts_v1::INBOUND_OUTCOME_REGISTERED
                                             : contacts_v1::INBOUND_OUTCOME_KNOWN;
  occasion.received =
      request.has_receive_time() ? FromProto(request.receive_time()) : app_.clock().Now();
  absl::StatusOr<contacts_v1::Contact> writer = WriterOf(caller, request);
  if (!writer.ok()) return WithField(writer.status(), "contact_id");
  occasion.contact = *std::move(writer);
  occasion.sim_id = occasion.contact.sim_id();
  occasion.in_group = request.in_group();
  Decision decision = Decide(*book, occasion);
  std::vector<Finding> findings;
  if (const auto asked = ForRules(*book, occasion, decision)) {
    const RuleSet& rules = *book->account->rules;
    MO_ASSIGN_OR_RETURN(
        findings,
        rules.Find(*asked, subscriptions_.Lazily(caller, rules, IdOf(request.contact_id()))));
    MO_RETURN_IF_ERROR(Settle(findings, [](const v1::Rule&) { return v1::VERDICT_FIRED; }));
    Obey(*book, occasion, findings, decision);
  }
  v1::Evaluation evaluation;
  evaluation.set_recognition(decision.recognition);
  evaluation.set_channel_id(decision.channel_id);
  for (const Step& step : decision.steps) *evaluation.add_actions() = step.action;
  Explain(findings, /*whole=*/true, evaluation);
  *evaluation.mutable_evaluate_time() = ToProto(app_.clock().Now());
  return evaluation;
}

absl::StatusOr<v1::ListEvaluationsResponse> Rules::ListEvaluations(
    const Caller& caller, const v1::ListEvaluationsRequest& request) {
  const int32_t size = storage::PageSize(request.page_size());
  MO_ASSIGN_OR_RETURN(const int64_t before,
                      storage::PageKey(request.page_token(), std::numeric_limits<int64_t>::max()));
  MO_ASSIGN_OR_RETURN(std::vector<v1::Evaluation> evaluations,
                      database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
                        return SelectEvaluations(tx, IdOf(request.contact_id()), before, size + 1);
                      }));
  v1::ListEvaluationsResponse response;
  if (evaluations.size() > static_cast<size_t>(size)) {
    evaluations.pop_back();
    response.set_next_page_token(storage::PageToken(IdOf(evaluations.back().message_id())));
  }
  for (v1::Evaluation& evaluation : evaluations)
    *response.add_evaluations() = std::move(evaluation);
  return response;
}

absl::StatusOr<bool> Rules::DeleteOld() {
  MO_ASSIGN_OR_RETURN(const int64_t deleted, database_.AsSystem([&](storage::Transaction& tx) {
    return DeleteEvaluations(tx, app_.clock().Now() - kKeep);
  }));
  return deleted == 1000;
}

}  // namespace mo::rules
