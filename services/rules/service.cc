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

}  // namespace mo::rules
