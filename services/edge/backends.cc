#include "services/edge/backends.h"

#include <grpcpp/support/byte_buffer.h>

#include <algorithm>
#include <atomic>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "libs/runtime/errors.h"

namespace mo::edge {
namespace {

constexpr absl::Duration kCallDeadline = absl::Seconds(30);
constexpr absl::Duration kHealthDeadline = absl::Seconds(2);
constexpr char kHealthPath[] = "/grpc.health.v1.Health/Check";
// A serialized grpc.health.v1.HealthCheckResponse{status: SERVING}.
constexpr char kServing[] = "\x08\x01";

grpc::ByteBuffer ToBuffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

std::string ToString(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Valid() || !buffer.Dump(&slices).ok()) return bytes;
  bytes.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

}  // namespace

struct Backends::Pending {
  InFlight::Place place;  // goes last
  grpc::ClientContext context;
  grpc::ByteBuffer request;
  grpc::ByteBuffer response;
  Done done;
};

void Backends::Connect() {
  for (const auto& method : registry_.methods()) {
    std::unique_ptr<grpc::GenericStub>& stub = stubs_[method->service];
    if (stub == nullptr) {
      stub = std::make_unique<grpc::GenericStub>(app_.ChannelTo(method->service));
    }
  }
}

void Backends::Stop() {
  in_flight_.Stop();
  stubs_.clear();
}

void Backends::Start(const std::string& service, const std::string& path,
                     std::shared_ptr<Pending> call) {
  if (!in_flight_.Enter(&call->place, std::shared_ptr<grpc::ClientContext>(call, &call->context))) {
    call->done(absl::UnavailableError("stopping"));
    return;
  }
  Pending& pending = *call;
  stubs_.at(service)->UnaryCall(&pending.context, path, grpc::StubOptions(), &pending.request,
                                &pending.response,
                                [call = std::move(call)](const grpc::Status& status) {
                                  if (status.ok()) {
                                    call->done(ToString(call->response));
                                  } else {
                                    call->done(FromGrpc(status));
                                  }
                                });
}

void Backends::Call(const transcode::Method& method, const Caller& caller,
                    const std::string& request, Done done) {
  auto call = std::make_shared<Pending>();
  grpc::ClientContext& context = call->context;
  context.AddMetadata(kIdentityMetadata, app_.identity().Sign(caller, app_.clock().Now()));
  context.AddMetadata(kRequestIdMetadata, caller.request_id);
  if (!caller.traceparent.empty()) context.AddMetadata(kTraceparentMetadata, caller.traceparent);
  if (!caller.idempotency_key.empty()) {
    context.AddMetadata(kIdempotencyKeyMetadata, caller.idempotency_key);
  }
  context.set_deadline(absl::ToChronoTime(absl::Now() + kCallDeadline));
  call->request = ToBuffer(request);
  call->done = std::move(done);
  Start(method.service, method.grpc_path, std::move(call));
}

void Backends::CheckHealth(std::function<void(std::vector<std::string>)> done) {
  struct Round {
    absl::Mutex mutex;
    std::vector<std::string> missing;
    std::atomic<size_t> left;
  };
  auto round = std::make_shared<Round>();
  round->left = stubs_.size();
  for (const auto& [service, stub] : stubs_) {
    auto call = std::make_shared<Pending>();
    call->context.set_deadline(absl::ToChronoTime(absl::Now() + kHealthDeadline));
    call->request = ToBuffer("");
    call->done = [round, name = service, done](const absl::StatusOr<std::string>& answer) {
      if (!answer.ok() || *answer != kServing) {
        absl::MutexLock lock(&round->mutex);
        round->missing.push_back(name);
      }
      if (--round->left == 0) {
        std::sort(round->missing.begin(), round->missing.end());
        done(std::move(round->missing));
      }
    };
    Start(service, kHealthPath, std::move(call));
  }
}

}  // namespace mo::edge
