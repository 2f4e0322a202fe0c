#include "services/sims/service.h"

#include "libs/runtime/status.h"
#include "services/sims/agent_session.h"

namespace mo::sims {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;
using google::protobuf::Empty;

namespace {
constexpr char kTokenMetadata[] = "mo-agent-token";
}

Reactor* SimService::CreateSim(Context* context, const v1::CreateSimRequest* request,
                               v1::Sim* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return pool_.Create(c, *request); });
}

Reactor* SimService::GetSim(Context* context, const v1::GetSimRequest* request, v1::Sim* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return pool_.Get(c, *request); });
}

Reactor* SimService::ListSims(Context* context, const v1::ListSimsRequest* request,
                              v1::ListSimsResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return pool_.List(c, *request); });
}

Reactor* SimService::UpdateSim(Context* context, const v1::UpdateSimRequest* request,
                               v1::Sim* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return pool_.Update(c, *request); });
}

Reactor* SimService::DeleteSim(Context* context, const v1::DeleteSimRequest* request,
                               Empty* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return pool_.Delete(c, *request); });
}

Reactor* SimService::PauseSim(Context* context, const v1::PauseSimRequest* request,
                              v1::Sim* response) {
  return rpc_.Serve(context, request, response, [=, this](const Caller& c) {
    return pool_.SetState(c, *request, request->id(), v1::SIM_STATE_PAUSED);
  });
}

Reactor* SimService::ResumeSim(Context* context, const v1::ResumeSimRequest* request,
                               v1::Sim* response) {
  return rpc_.Serve(context, request, response, [=, this](const Caller& c) {
    return pool_.SetState(c, *request, request->id(), v1::SIM_STATE_ACTIVE);
  });
}

Reactor* SimService::DrainSim(Context* context, const v1::DrainSimRequest* request,
                              v1::Sim* response) {
  return rpc_.Serve(context, request, response, [=, this](const Caller& c) {
    return pool_.SetState(c, *request, request->id(), v1::SIM_STATE_DRAINING);
  });
}

Reactor* SimService::RehomeSim(Context* context, const v1::RehomeSimRequest* request,
                               v1::Sim* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) -> absl::StatusOr<v1::Sim> {
                      MO_RETURN_IF_ERROR(rehoming_.Ask(c, *request));
                      v1::GetSimRequest get;
                      get.set_id(request->id());
                      return pool_.Get(c, get);
                    });
}

Reactor* SimService::ListSimHistory(Context* context, const v1::ListSimHistoryRequest* request,
                                    v1::ListSimHistoryResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return pool_.ListHistory(c, *request); });
}

Reactor* SimService::GetPoolSettings(Context* context, const v1::GetPoolSettingsRequest* request,
                                     v1::PoolSettings* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return settings_.Get(c); });
}

Reactor* SimService::UpdatePoolSettings(Context* context,
                                        const v1::UpdatePoolSettingsRequest* request,
                                        v1::PoolSettings* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return settings_.Update(c, *request); });
}

Reactor* SimService::GetOccupancy(Context* context, const v1::GetOccupancyRequest* request,
                                  v1::GetOccupancyResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return pool_.Occupancy(c); });
}

Reactor* SimService::CreateAgentToken(Context* context, const v1::CreateAgentTokenRequest* request,
                                      v1::CreateAgentTokenResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return pool_.CreateToken(c, *request); });
}

Reactor* SimService::ListGroups(Context* context, const v1::ListGroupsRequest* request,
                                v1::ListGroupsResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return pool_.ListGroups(c, *request); });
}

Reactor* SimService::JoinGroup(Context* context, const v1::JoinGroupRequest* request,
                               v1::JoinGroupResponse* response) {
  return rpc_.ServeLater(context, request, response,
                         [=, this](const Caller& c, GroupCommands::Joined joined) {
                           groups_.Join(c, *request, std::move(joined));
                         });
}

Reactor* SimService::LeaveGroup(Context* context, const v1::LeaveGroupRequest* request,
                                Empty* response) {
  return rpc_.ServeLater(context, request, response,
                         [=, this](const Caller& c, GroupCommands::Left left) {
                           groups_.Leave(c, *request, std::move(left));
                         });
}

Reactor* SimService::ListTemplates(Context* context, const v1::ListTemplatesRequest* request,
                                   v1::ListTemplatesResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return templates_.List(c, *request); });
}

Reactor* SimService::SyncTemplates(Context* context, const v1::SyncTemplatesRequest* request,
                                   v1::SyncTemplatesResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return templates_.Sync(c, *request); });
}

Reactor* AllocationService::Allocate(Context* context, const v1::AllocateRequest* request,
                                     v1::AllocateResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return allocation_.Allocate(c, *request); });
}

Reactor* AllocationService::Release(Context* context, const v1::ReleaseRequest* request,
                                    Empty* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return allocation_.Release(c, *request); });
}

Reactor* AllocationService::SetSuppressed(Context* context, const v1::SetSuppressedRequest* request,
                                          Empty* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return allocation_.SetSuppressed(c, *request); });
}

Reactor* DispatchService::Submit(Context* context, const v1::SubmitRequest* request,
                                 v1::SubmitResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return ledger_.Submit(c, *request); });
}

Reactor* DispatchService::ControlGroup(Context* context, const v1::ControlGroupRequest* request,
                                       Empty* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return ledger_.Control(c, *request); });
}

Reactor* DispatchService::GetGroupCounts(Context* context, const v1::GetGroupCountsRequest* request,
                                         v1::GetGroupCountsResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return ledger_.Counts(c, *request); });
}

Reactor* DispatchService::GetBacklogs(Context* context, const v1::GetBacklogsRequest* request,
                                      v1::GetBacklogsResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return ledger_.Backlogs(c, *request); });
}

Reactor* DispatchService::ListGroupDeliveries(Context* context,
                                              const v1::ListGroupDeliveriesRequest* request,
                                              v1::ListGroupDeliveriesResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return ledger_.ListGroup(c, *request); });
}

Reactor* DispatchService::ListContactDeliveries(Context* context,
                                                const v1::ListContactDeliveriesRequest* request,
                                                v1::ListContactDeliveriesResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return ledger_.ListContact(c, *request); });
}

Reactor* ProviderCallbackService::TakeCallback(Context* context,
                                               const v1::TakeCallbackRequest* request,
                                               v1::TakeCallbackResponse* response) {
  return rpc_.ServeLater(context, request, response,
                         [=, this](const Caller&, Callbacks::Taken taken) {
                           callbacks_.Take(*request, std::move(taken));
                         });
}

grpc::ServerBidiReactor<v1::AgentFrame, v1::GatewayFrame>* DeviceAgentService::Attach(
    Context* context) {
  const auto& metadata = context->client_metadata();
  const auto token = metadata.find(kTokenMetadata);
  auto session = gateway_.NewSession(
      token == metadata.end() ? "" : std::string(token->second.data(), token->second.size()));
  session->Begin();
  return session.get();
}

}  // namespace mo::sims
