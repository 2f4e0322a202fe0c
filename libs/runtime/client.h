// The client side of calls between services.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <functional>
#include <memory>
#include <mutex>
#include <type_traits>

#include "absl/status/statusor.h"
#include "libs/runtime/app.h"
#include "libs/runtime/errors.h"
#include "libs/runtime/identity.h"
#include "libs/runtime/rpc.h"
#include "libs/runtime/status.h"

namespace mo {

// A method of a service, both ways: over the wire and, within one process, the method itself.
template <class Service, class Request, class Response>
struct Method {
  using Remote = grpc::Status (Service::Stub::*)(grpc::ClientContext*, const Request&, Response*);
  using Local = grpc::ServerUnaryReactor* (*)(typename Service::CallbackService&, const Request*,
                                              Response*);
  Remote remote;
  Local local;
};

template <class Service, class Request, class Response>
Method<Service, Request, Response> BothWays(
    grpc::Status (Service::Stub::*remote)(grpc::ClientContext*, const Request&, Response*),
    std::type_identity_t<typename Method<Service, Request, Response>::Local> local) {
  return {remote, local};
}

// The method of a service as Client::Call takes it for what is called for every message.
#define MO_METHOD(Service, Name)                                                                \
  ::mo::BothWays<Service>(&Service::Stub::Name, [](Service::CallbackService& mo_service,        \
                                                   const auto* mo_request, auto* mo_response) { \
    return mo_service.Name(static_cast<grpc::CallbackServerContext*>(nullptr), mo_request,      \
                           mo_response);                                                        \
  })

// A stub of another service, e.g. Client<sims::v1::AllocationService>. Calls block; use it on
// handler and worker threads.
template <class Service>
class Client {
 public:
  // The service is found by its package ("messageorganizer.sims.v1…" → "sims").
  explicit Client(App& app) : app_(app) {}

  // Calls for the caller, as a service: Client(app).Call(&Stub::Allocate, caller, request).
  // Deadline: the caller's, at most 10 s.
  template <class Request, class Response>
  absl::StatusOr<Response> Call(grpc::Status (Service::Stub::*method)(grpc::ClientContext*,
                                                                      const Request&, Response*),
                                const Caller& caller, const Request& request) {
    std::call_once(stub_once_, [this] {
      stub_ = Service::NewStub(app_.ChannelTo(Service::service_full_name()));
    });
    grpc::ClientContext context;
    app_.PrepareCall(caller, context);
    Response response;
    grpc::Status status = (stub_.get()->*method)(&context, request, &response);
    if (!status.ok()) return FromGrpc(status);
    return response;
  }

  // The same on this very thread when the service is of this process: for calls so frequent that
  // the wire between (about 80 us of CPU and three changes of thread) counts.
  template <class Request, class Response>
  absl::StatusOr<Response> Call(const Method<Service, Request, Response>& method,
                                const Caller& caller, const Request& request) {
    using Served = typename Service::CallbackService;
    std::call_once(served_once_, [this] {
      served_ = app_.template Served<Served>(Service::service_full_name());
    });
    if (served_ == nullptr) return Call(method.remote, caller, request);
    LocalCall call{app_.Outgoing(caller)};
    LocalCall::current = &call;
    Response response;
    method.local(*static_cast<Served*>(served_), &request, &response);
    MO_RETURN_IF_ERROR(call.status);
    return response;
  }

 private:
  App& app_;
  std::once_flag stub_once_;
  std::once_flag served_once_;
  void* served_ = nullptr;  // a Service::CallbackService
  std::unique_ptr<typename Service::Stub> stub_;
};

}  // namespace mo
