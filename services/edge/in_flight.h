// Calls under way, so that nothing they use goes before they have ended.
#pragma once

#include <grpcpp/client_context.h>

#include <set>

#include "absl/synchronization/mutex.h"

namespace mo::edge {

// Counts asynchronous calls by their contexts. Safe for concurrent use.
class InFlight {
 public:
  // Before a call starts. False after Stop: do not start it.
  bool Enter(grpc::ClientContext* context) {
    absl::MutexLock lock(&mutex_);
    return !stopping_ && contexts_.insert(context).second;
  }
  // The last thing that a call's callback does.
  void Leave(grpc::ClientContext* context) {
    absl::MutexLock lock(&mutex_);
    contexts_.erase(context);
  }
  // Cancels what runs and waits for it.
  void Stop() {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    for (grpc::ClientContext* context : contexts_) context->TryCancel();
    mutex_.Await(absl::Condition(
        +[](std::set<grpc::ClientContext*>* contexts) { return contexts->empty(); }, &contexts_));
  }

 private:
  absl::Mutex mutex_;
  std::set<grpc::ClientContext*> contexts_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace mo::edge
