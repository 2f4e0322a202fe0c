#include "libs/runtime/rpc.h"

#include <google/protobuf/descriptor.h>
#include <grpcpp/server_context.h>

#include <array>
#include <atomic>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "google/api/annotations.pb.h"
#include "libs/runtime/errors.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"
#include "libs/runtime/validate.h"
#include "messageorganizer/common/v1/options.pb.h"

namespace mo {

thread_local LocalCall* LocalCall::current = nullptr;

namespace {

std::string MetadataOf(const grpc::CallbackServerContext& context, const char* key) {
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find(key);
  return found == metadata.end() ? "" : std::string(found->second.data(), found->second.size());
}

}  // namespace

MethodInfo MethodOf(const google::protobuf::Descriptor& request) {
  const auto* file = request.file();
  for (int s = 0; s < file->service_count(); ++s) {
    for (int m = 0; m < file->service(s)->method_count(); ++m) {
      const auto* method = file->service(s)->method(m);
      if (method->input_type() != &request) continue;
      MethodInfo info;
      info.name = absl::StrCat(file->service(s)->full_name(), "/", method->name());
      info.scope = method->options().GetExtension(messageorganizer::common::v1::scope);
      info.reads = method->options().GetExtension(google::api::http).has_get();
      info.secret_answer = HasSecrets(*method->output_type());
      if (!info.scope.empty()) return info;
    }
  }
  Log(LogLevel::kError, "request type belongs to no method with a scope",
      {{"type", request.full_name()}});
  std::abort();
}

struct Rpc::Method {
  MethodInfo info;
  prometheus::Histogram& seconds;
  // One counter per status code, made when first needed.
  std::array<std::atomic<prometheus::Counter*>, 17> codes{};
};

bool Rpc::SecretAnswer(const Method& method) { return method.info.secret_answer; }

Rpc::Rpc(const Options& options, const IdentityKey& identity, const Clock& clock, Metrics& metrics)
    : service_(options.service),
      identity_(identity),
      clock_(clock),
      metrics_(metrics),
      queued_(metrics.Gauge("mo_rpc_queued", "RPCs that wait for a thread",
                            {{"service", options.service}})),
      executor_(options.threads, options.queue) {}

Rpc::~Rpc() { Stop(); }

Rpc::Method& Rpc::Find(const google::protobuf::Descriptor* request) {
  {
    absl::ReaderMutexLock lock(&methods_mutex_);
    const auto found = methods_.find(request);
    if (found != methods_.end()) return *found->second;
  }
  absl::MutexLock lock(&methods_mutex_);
  std::unique_ptr<Method>& method = methods_[request];
  if (!method) {
    MethodInfo info = MethodOf(*request);
    auto& seconds = metrics_.Seconds("mo_rpc_duration_seconds", "Time from arrival to answer",
                                     {{"method", info.name}});
    method.reset(new Method{std::move(info), seconds, {}});
  }
  return *method;
}

absl::StatusOr<Caller> Rpc::Authenticate(const grpc::CallbackServerContext& context) const {
  MO_ASSIGN_OR_RETURN(Caller caller,
                      identity_.Verify(MetadataOf(context, kIdentityMetadata), clock_.Now()));
  caller.request_id = MetadataOf(context, kRequestIdMetadata);
  caller.traceparent = MetadataOf(context, kTraceparentMetadata);
  caller.idempotency_key = MetadataOf(context, kIdempotencyKeyMetadata);
  caller.deadline = absl::FromChrono(context.deadline());
  return caller;
}

absl::Status Rpc::Admit(Caller& caller, const Method& method,
                        const google::protobuf::Message& request) {
  if (!caller.Holds(method.info.scope)) {
    return Error(absl::StatusCode::kPermissionDenied, "SCOPE_MISSING",
                 absl::StrCat("the scope \"", method.info.scope, "\" is needed"));
  }
  // Services may act for all accounts; everybody else acts for one.
  if (caller.account_id == 0 && !caller.internal() && method.info.scope != "operator") {
    return Error(absl::StatusCode::kPermissionDenied, "ACCOUNT_MISSING",
                 "a key of an account is needed");
  }
  if (method.info.reads) caller.idempotency_key.clear();
  return Validate(request);
}

void Rpc::Count(Method& method, absl::Time start, const absl::Status& status) {
  method.seconds.Observe(absl::ToDoubleSeconds(absl::Now() - start));
  auto& slot = method.codes[static_cast<size_t>(status.code()) % method.codes.size()];
  prometheus::Counter* counter = slot.load(std::memory_order_acquire);
  if (counter == nullptr) {
    counter = &metrics_.Counter(
        "mo_rpc_requests_total", "RPCs answered",
        {{"method", method.info.name}, {"code", absl::StatusCodeToString(status.code())}});
    slot.store(counter, std::memory_order_release);
  }
  counter->Increment();
}

grpc::ServerUnaryReactor* Rpc::Run(grpc::CallbackServerContext* context, Method& method,
                                   const google::protobuf::Message& request, Body body) {
  return RunLater(
      context, method, request,
      [body = std::move(body)](const Caller& caller, const Done& done) { done(body(caller)); });
}

grpc::ServerUnaryReactor* Rpc::RunLater(grpc::CallbackServerContext* context, Method& method,
                                        const google::protobuf::Message& request, LaterBody body) {
  if (context == nullptr) {
    RunLocal(method, request, body);
    return nullptr;
  }
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const absl::Time start = absl::Now();
  auto finish = [this, &method, reactor, start](const absl::Status& status) {
    Count(method, start, status);
    reactor->Finish(ToGrpc(status));
  };
  const bool taken =
      executor_.Post([this, context, &method, &request, body = std::move(body), finish] {
        queued_.Set(static_cast<double>(executor_.queued()));
        absl::StatusOr<Caller> caller = Authenticate(*context);
        if (!caller.ok()) return finish(caller.status());
        if (context->IsCancelled()) return finish(absl::CancelledError("canceled by the caller"));
        Execute(*std::move(caller), method, request, body, finish);
      });
  if (!taken) {
    finish(WithRetryDelay(
        Error(absl::StatusCode::kUnavailable, "OVERLOADED", "the service is busy, try again"),
        absl::Seconds(1)));
  }
  return reactor;
}

void Rpc::Execute(Caller caller, const Method& method, const google::protobuf::Message& request,
                  const LaterBody& body, const Done& done) {
  const absl::Status admitted = Admit(caller, method, request);
  if (!admitted.ok()) return done(admitted);
  body(caller, [&method, done, request_id = caller.request_id,
                account_id = caller.account_id](const absl::Status& status) {
    if (status.code() == absl::StatusCode::kInternal ||
        status.code() == absl::StatusCode::kUnknown ||
        status.code() == absl::StatusCode::kDataLoss) {
      Log(LogLevel::kError, "method failed",
          {{"method", method.info.name},
           {"request_id", request_id},
           {"account_id", account_id},
           {"error", std::string(status.message())}});
    }
    done(status);
  });
}

void Rpc::RunLocal(Method& method, const google::protobuf::Message& request,
                   const LaterBody& body) {
  LocalCall& call = *std::exchange(LocalCall::current, nullptr);
  const absl::Time start = absl::Now();
  if (stopped_) {
    call.status = absl::UnavailableError("the process ends");
  } else if (start >= call.caller.deadline) {
    // Whoever slept until then must do nothing any more.
    call.status = absl::DeadlineExceededError("the call's time is over");
  } else {
    absl::Notification done;
    Execute(std::move(call.caller), method, request, body, [&](const absl::Status& status) {
      call.status = status;
      done.Notify();
    });
    done.WaitForNotification();
  }
  Count(method, start, call.status);
}

void Rpc::Stop() {
  stopped_ = true;
  executor_.Stop();
}

}  // namespace mo
