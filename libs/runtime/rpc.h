// The server side of every RPC: identity, scope, validation, a bounded pool for blocking work,
// metrics, errors.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "libs/runtime/clock.h"
#include "libs/runtime/executor.h"
#include "libs/runtime/identity.h"
#include "libs/runtime/metrics.h"
#include "libs/runtime/secret_fields.h"

namespace mo {

// What the runtime knows of one method; found by its request's type, which is unique to it.
struct MethodInfo {
  std::string name;    // "messageorganizer.links.v1.LinkService/CreateLink"
  std::string scope;   // from the proto
  bool reads = false;  // a GET route: no idempotency key
  // The answer's type has credentials in it somewhere (common.v1.rule.secret).
  bool secret_answer = false;
};

// The method that takes this request type. Dies at start-up mistakes: no such method, two of them,
// no scope.
MethodInfo MethodOf(const google::protobuf::Descriptor& request);

// A call between two services of one process, without wire and without a thread of the other's
// pool: the caller's thread runs the method. What a call is checked for and counted is the same.
struct LocalCall {
  Caller caller;
  absl::Status status = absl::InternalError("the method was not run");
  // Of this thread, from Client to Rpc::Serve; the generated method between them cannot carry it.
  static thread_local LocalCall* current;
};

// Runs a service's methods. One per service and process.
class Rpc {
 public:
  struct Options {
    std::string service;
    int threads = 16;
    size_t queue = 2048;
  };
  Rpc(const Options& options, const IdentityKey& identity, const Clock& clock, Metrics& metrics);
  ~Rpc();

  // Answers a unary call: verifies the caller, its scope and the request, then runs
  // `handler(caller)` on the pool. The handler returns absl::Status or StatusOr<Response>; request
  // and response live until it has returned. Without a context it is a LocalCall: the same on this
  // very thread, with a null reactor.
  template <class Request, class Response, class Handler>
  grpc::ServerUnaryReactor* Serve(grpc::CallbackServerContext* context, const Request* request,
                                  Response* response, Handler handler) {
    Method& method = Find(Request::descriptor());
    return Run(context, method, *request,
               [handler = std::move(handler), response,
                secret = SecretAnswer(method)](const Caller& caller) {
                 if constexpr (std::is_same_v<std::invoke_result_t<Handler, const Caller&>,
                                              absl::Status>) {
                   return handler(caller);
                 } else {
                   absl::StatusOr<Response> result = handler(caller);
                   if (!result.ok()) return result.status();
                   *response = *std::move(result);
                   // Whatever a service forgets: no credential leaves it.
                   if (secret) ClearSecrets(*response);
                   return absl::OkStatus();
                 }
               });
  }

  // The same for a method whose answer takes a while that no thread should wait for, e.g. a commit
  // shared with others: `handler(caller, done)` runs on the pool, and `done` takes the
  // StatusOr<Response>, once, on any thread.
  template <class Request, class Response, class Handler>
  grpc::ServerUnaryReactor* ServeLater(grpc::CallbackServerContext* context, const Request* request,
                                       Response* response, Handler handler) {
    Method& method = Find(Request::descriptor());
    return RunLater(context, method, *request,
                    [handler = std::move(handler), response, secret = SecretAnswer(method)](
                        const Caller& caller, Done done) {
                      handler(caller, [response, secret,
                                       done = std::move(done)](absl::StatusOr<Response> result) {
                        if (!result.ok()) return done(result.status());
                        *response = *std::move(result);
                        if (secret) ClearSecrets(*response);
                        done(absl::OkStatus());
                      });
                    });
  }

  // The verified caller of a call; for streams, which check it themselves.
  absl::StatusOr<Caller> Authenticate(const grpc::CallbackServerContext& context) const;

  // Finishes what runs; later calls get UNAVAILABLE.
  void Stop();

 private:
  struct Method;
  using Body = std::function<absl::Status(const Caller&)>;
  using Done = std::function<void(const absl::Status&)>;
  using LaterBody = std::function<void(const Caller&, Done)>;

  Method& Find(const google::protobuf::Descriptor* request);
  static bool SecretAnswer(const Method& method);
  grpc::ServerUnaryReactor* Run(grpc::CallbackServerContext* context, Method& method,
                                const google::protobuf::Message& request, Body body);
  grpc::ServerUnaryReactor* RunLater(grpc::CallbackServerContext* context, Method& method,
                                     const google::protobuf::Message& request, LaterBody body);
  void RunLocal(Method& method, const google::protobuf::Message& request, const LaterBody& body);
  // Whether the caller may call the method with this request.
  static absl::Status Admit(Caller& caller, const Method& method,
                            const google::protobuf::Message& request);
  static void Execute(Caller caller, const Method& method, const google::protobuf::Message& request,
                      const LaterBody& body, const Done& done);
  void Count(Method& method, absl::Time start, const absl::Status& status);

  const std::string service_;
  const IdentityKey& identity_;
  const Clock& clock_;
  Metrics& metrics_;
  prometheus::Gauge& queued_;
  absl::Mutex methods_mutex_;
  absl::flat_hash_map<const google::protobuf::Descriptor*, std::unique_ptr<Method>> methods_;
  std::atomic<bool> stopped_ = false;
  Executor executor_;
};

}  // namespace mo
