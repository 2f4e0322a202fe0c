// The sims service over gRPC: one line per RPC.
#pragma once

#include "libs/runtime/rpc.h"
#include "messageorganizer/sims/v1/callbacks.grpc.pb.h"
#include "messageorganizer/sims/v1/device.grpc.pb.h"
#include "messageorganizer/sims/v1/dispatch.grpc.pb.h"
#include "messageorganizer/sims/v1/sims.grpc.pb.h"
#include "services/sims/allocation.h"
#include "services/sims/callbacks.h"
#include "services/sims/gateway.h"
#include "services/sims/group_commands.h"
#include "services/sims/ledger.h"
#include "services/sims/pool.h"
#include "services/sims/pool_settings.h"
#include "services/sims/rehoming.h"
#include "services/sims/templates.h"

namespace mo::sims {

#define MO_SIMS_RPC(Name, Response)                                    \
  grpc::ServerUnaryReactor* Name(grpc::CallbackServerContext* context, \
                                 const v1::Name##Request* request, Response* response) override

// sims.v1.SimService.
class SimService final : public v1::SimService::CallbackService {
 public:
  SimService(Rpc& rpc, Pool& pool, PoolSettings& settings, Templates& templates,
             GroupCommands& groups, Rehoming& rehoming)
      : rpc_(rpc),
        pool_(pool),
        settings_(settings),
        templates_(templates),
        groups_(groups),
        rehoming_(rehoming) {}

  MO_SIMS_RPC(CreateSim, v1::Sim);
  MO_SIMS_RPC(GetSim, v1::Sim);
  MO_SIMS_RPC(ListSims, v1::ListSimsResponse);
  MO_SIMS_RPC(UpdateSim, v1::Sim);
  MO_SIMS_RPC(DeleteSim, google::protobuf::Empty);
  MO_SIMS_RPC(PauseSim, v1::Sim);
  MO_SIMS_RPC(ResumeSim, v1::Sim);
  MO_SIMS_RPC(DrainSim, v1::Sim);
  MO_SIMS_RPC(RehomeSim, v1::Sim);
  MO_SIMS_RPC(ListSimHistory, v1::ListSimHistoryResponse);
  MO_SIMS_RPC(GetPoolSettings, v1::PoolSettings);
  MO_SIMS_RPC(UpdatePoolSettings, v1::PoolSettings);
  MO_SIMS_RPC(GetOccupancy, v1::GetOccupancyResponse);
  MO_SIMS_RPC(CreateAgentToken, v1::CreateAgentTokenResponse);
  MO_SIMS_RPC(ListGroups, v1::ListGroupsResponse);
  MO_SIMS_RPC(JoinGroup, v1::JoinGroupResponse);
  MO_SIMS_RPC(LeaveGroup, google::protobuf::Empty);
  MO_SIMS_RPC(ListTemplates, v1::ListTemplatesResponse);
  MO_SIMS_RPC(SyncTemplates, v1::SyncTemplatesResponse);

 private:
  Rpc& rpc_;
  Pool& pool_;
  PoolSettings& settings_;
  Templates& templates_;
  GroupCommands& groups_;
  Rehoming& rehoming_;
};

// sims.v1.AllocationService.
class AllocationService final : public v1::AllocationService::CallbackService {
 public:
  AllocationService(Rpc& rpc, Allocation& allocation) : rpc_(rpc), allocation_(allocation) {}

  MO_SIMS_RPC(Allocate, v1::AllocateResponse);
  MO_SIMS_RPC(Release, google::protobuf::Empty);
  MO_SIMS_RPC(SetSuppressed, google::protobuf::Empty);

 private:
  Rpc& rpc_;
  Allocation& allocation_;
};

// sims.v1.DispatchService.
class DispatchService final : public v1::DispatchService::CallbackService {
 public:
  DispatchService(Rpc& rpc, Ledger& ledger) : rpc_(rpc), ledger_(ledger) {}

  MO_SIMS_RPC(Submit, v1::SubmitResponse);
  MO_SIMS_RPC(ControlGroup, google::protobuf::Empty);
  MO_SIMS_RPC(GetGroupCounts, v1::GetGroupCountsResponse);
  MO_SIMS_RPC(GetBacklogs, v1::GetBacklogsResponse);
  MO_SIMS_RPC(ListGroupDeliveries, v1::ListGroupDeliveriesResponse);
  MO_SIMS_RPC(ListContactDeliveries, v1::ListContactDeliveriesResponse);

 private:
  Rpc& rpc_;
  Ledger& ledger_;
};

// sims.v1.ProviderCallbackService.
class ProviderCallbackService final : public v1::ProviderCallbackService::CallbackService {
 public:
  ProviderCallbackService(Rpc& rpc, Callbacks& callbacks) : rpc_(rpc), callbacks_(callbacks) {}

  MO_SIMS_RPC(TakeCallback, v1::TakeCallbackResponse);

 private:
  Rpc& rpc_;
  Callbacks& callbacks_;
};

// sims.v1.DeviceAgentService.
class DeviceAgentService final : public v1::DeviceAgentService::CallbackService {
 public:
  explicit DeviceAgentService(Gateway& gateway) : gateway_(gateway) {}

  grpc::ServerBidiReactor<v1::AgentFrame, v1::GatewayFrame>* Attach(
      grpc::CallbackServerContext* context) override;

 private:
  Gateway& gateway_;
};

#undef MO_SIMS_RPC

}  // namespace mo::sims
