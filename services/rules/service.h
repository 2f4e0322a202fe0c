// rules.v1.RuleService over gRPC.
#pragma once

#include "libs/runtime/rpc.h"
#include "messageorganizer/rules/v1/rules.grpc.pb.h"
#include "services/rules/catalogue.h"
#include "services/rules/replay.h"
#include "services/rules/rules.h"

namespace mo::rules {

// One line per RPC; the work is in Rules.
class Service final : public v1::RuleService::CallbackService {
 public:
  Service(Rpc& rpc, Rules& rules, Catalogue& catalogue, Replay& replay)
      : rpc_(rpc), rules_(rules), catalogue_(catalogue), replay_(replay) {}

  grpc::ServerUnaryReactor* GetStandardAnswers(grpc::CallbackServerContext* context,
                                               const v1::GetStandardAnswersRequest* request,
                                               v1::StandardAnswers* response) override;
  grpc::ServerUnaryReactor* SetStandardAnswers(grpc::CallbackServerContext* context,
                                               const v1::SetStandardAnswersRequest* request,
                                               v1::StandardAnswers* response) override;
  grpc::ServerUnaryReactor* GetStopWords(grpc::CallbackServerContext* context,
                                         const v1::GetStopWordsRequest* request,
                                         v1::StopWords* response) override;
  grpc::ServerUnaryReactor* SetStopWords(grpc::CallbackServerContext* context,
                                         const v1::SetStopWordsRequest* request,
                                         v1::StopWords* response) override;
  grpc::ServerUnaryReactor* TestRules(grpc::CallbackServerContext* context,
                                      const v1::TestRulesRequest* request,
                                      v1::Evaluation* response) override;
  grpc::ServerUnaryReactor* ListEvaluations(grpc::CallbackServerContext* context,
                                            const v1::ListEvaluationsRequest* request,
                                            v1::ListEvaluationsResponse* response) override;
  grpc::ServerUnaryReactor* CreateRule(grpc::CallbackServerContext* context,
                                       const v1::CreateRuleRequest* request,
                                       v1::Rule* response) override;
  grpc::ServerUnaryReactor* GetRule(grpc::CallbackServerContext* context,
                                    const v1::GetRuleRequest* request, v1::Rule* response) override;
  grpc::ServerUnaryReactor* ListRules(grpc::CallbackServerContext* context,
                                      const v1::ListRulesRequest* request,
                                      v1::ListRulesResponse* response) override;
  grpc::ServerUnaryReactor* UpdateRule(grpc::CallbackServerContext* context,
                                       const v1::UpdateRuleRequest* request,
                                       v1::Rule* response) override;
  grpc::ServerUnaryReactor* DeleteRule(grpc::CallbackServerContext* context,
                                       const v1::DeleteRuleRequest* request,
                                       google::protobuf::Empty* response) override;
  grpc::ServerUnaryReactor* ReplayRule(grpc::CallbackServerContext* context,
                                       const v1::ReplayRuleRequest* request,
                                       v1::ReplayRuleResponse* response) override;

 private:
  Rpc& rpc_;
  Rules& rules_;
  Catalogue& catalogue_;
  Replay& replay_;
};

}  // namespace mo::rules
