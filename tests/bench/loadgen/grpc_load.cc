#include "tests/bench/loadgen/grpc_load.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include <atomic>
#include <iostream>
#include <memory>

#include "absl/synchronization/mutex.h"
#include "libs/runtime/identity.h"
#include "tests/bench/loadgen/schedule.h"

namespace mo::bench {
namespace {

constexpr absl::Duration kDrain = absl::Seconds(5);

// One call under way.
struct Call {
  grpc::ClientContext context;
  grpc::ByteBuffer request;
  grpc::ByteBuffer response;
  absl::Time due;
};

class Load {
 public:
  Load(const GrpcOptions& options, Latencies& latencies)
      : options_(options),
        latencies_(latencies),
        token_(Token(options)),
        stub_(grpc::CreateChannel(options.target, grpc::InsecureChannelCredentials())),
        end_(absl::Now() + options.duration) {}

  absl::Status Run() {
    if (options_.rate > 0) {
      Schedule schedule(options_.rate);
      while (schedule.next() < end_) {
        absl::SleepFor(schedule.next() - absl::Now());
        Start(schedule.Take());
      }
    } else {
      for (int i = 0; i < options_.concurrency; ++i) Start(absl::Now());
    }
    absl::MutexLock lock(&mutex_);
    const bool drained =
        mutex_.AwaitWithDeadline(absl::Condition(
                                     +[](int* running) { return *running == 0; }, &running_),
                                 end_ + kDrain);
    return drained ? absl::OkStatus() : absl::DeadlineExceededError("answers are missing");
  }

 private:
  // Good for a minute, which is longer than a run.
  static std::string Token(const GrpcOptions& options) {
    Caller caller;
    caller.account_id = options.account_id;
    caller.actor = "key:bench";
    caller.scopes = {"*"};
    return IdentityKey(options.identity_key).Sign(caller, absl::Now());
  }

  void Start(absl::Time due) {
    {
      absl::MutexLock lock(&mutex_);
      ++running_;
    }
    auto call = std::make_shared<Call>();
    call->due = due;
    call->context.AddMetadata(kIdentityMetadata, token_);
    call->context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(10)));
    const grpc::Slice empty;
    call->request = grpc::ByteBuffer(&empty, 1);
    stub_.UnaryCall(&call->context, options_.method, grpc::StubOptions(), &call->request,
                    &call->response, [this, call](const grpc::Status& status) mutable {
                      Done(*call, status);
                      // Before Run may return: with it the channel ends.
                      call.reset();
                      absl::MutexLock lock(&mutex_);
                      --running_;
                    });
  }

  void Done(const Call& call, const grpc::Status& status) {
    const absl::Time now = absl::Now();
    if (status.ok()) {
      latencies_.Add(now - call.due);
    } else {
      latencies_.AddError();
      if (!told_.exchange(true)) std::cerr << status.error_message() << "\n";
    }
    if (options_.rate <= 0 && now < end_) Start(now);
  }

  const GrpcOptions& options_;
  Latencies& latencies_;
  const std::string token_;
  grpc::GenericStub stub_;
  const absl::Time end_;
  std::atomic<bool> told_{false};
  absl::Mutex mutex_;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace

absl::Status RunGrpc(const GrpcOptions& options, Latencies& latencies) {
  return Load(options, latencies).Run();
}

}  // namespace mo::bench
