// The client side of calls between services.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <functional>
#include <memory>
#include <mutex>

#include "absl/status/statusor.h"
#include "libs/runtime/app.h"
#include "libs/runtime/errors.h"
#include "libs/runtime/identity.h"

namespace mo {

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
    std::call_once(
        once_, [this] { stub_ = Service::NewStub(app_.ChannelTo(Service::service_full_name())); });
    grpc::ClientContext context;
    app_.PrepareCall(caller, context);
    Response response;
    grpc::Status status = (stub_.get()->*method)(&context, request, &response);
    if (!status.ok()) return FromGrpc(status);
    return response;
  }

 private:
  App& app_;
  std::once_flag once_;
  std::unique_ptr<typename Service::Stub> stub_;
};

}  // namespace mo
