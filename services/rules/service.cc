#include "services/rules/service.h"

namespace mo::rules {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

Reactor* Service::GetStandardAnswers(Context* context, const v1::GetStandardAnswersRequest* request,
                                     v1::StandardAnswers* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return rules_.GetStandardAnswers(c, *request); });
}

Reactor* Service::SetStandardAnswers(Context* context, const v1::SetStandardAnswersRequest* request,
                                     v1::StandardAnswers* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return rules_.SetStandardAnswers(c, *request); });
}

Reactor* Service::GetStopWords(Context* context, const v1::GetStopWordsRequest* request,
                               v1::StopWords* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return rules_.GetStopWords(c, *request); });
}

Reactor* Service::SetStopWords(Context* context, const v1::SetStopWordsRequest* request,
                               v1::StopWords* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return rules_.SetStopWords(c, *request); });
}

Reactor* Service::TestRules(Context* context, const v1::TestRulesRequest* request,
                            v1::Evaluation* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return rules_.Test(c, *request); });
}

Reactor* Service::ListEvaluations(Context* context, const v1::ListEvaluationsRequest* request,
                                  v1::ListEvaluationsResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return rules_.ListEvaluations(c, *request); });
}

Reactor* Service::CreateRule(Context* context, const v1::CreateRuleRequest* request,
                             v1::Rule* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return catalogue_.Create(c, *request); });
}

Reactor* Service::GetRule(Context* context, const v1::GetRuleRequest* request, v1::Rule* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return catalogue_.Get(c, *request); });
}

Reactor* Service::ListRules(Context* context, const v1::ListRulesRequest* request,
                            v1::ListRulesResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return catalogue_.List(c, *request); });
}

Reactor* Service::UpdateRule(Context* context, const v1::UpdateRuleRequest* request,
                             v1::Rule* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return catalogue_.Update(c, *request); });
}

Reactor* Service::DeleteRule(Context* context, const v1::DeleteRuleRequest* request,
                             google::protobuf::Empty* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return catalogue_.Delete(c, *request); });
}

Reactor* Service::ReplayRule(Context* context, const v1::ReplayRuleRequest* request,
                             v1::ReplayRuleResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return replay_.Run(c, *request); });
}

}  // namespace mo::rules
