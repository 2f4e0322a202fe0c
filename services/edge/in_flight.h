// Calls under way, so that nothing they use goes before they have ended.
#pragma once

#include <grpcpp/client_context.h>

#include <memory>
#include <set>

#include "absl/synchronization/mutex.h"

namespace mo::edge {

// Keeps asynchronous calls by their contexts. Safe for concurrent use.
class InFlight {
 public:
  using Context = std::shared_ptr<grpc::ClientContext>;

  // Before a call starts. False after Stop: do not start it.
  bool Enter(const Context& context) {
    absl::MutexLock lock(&mutex_);
    return !stopping_ && contexts_.insert(context).second;
  }
  // The last thing that a call's callback does.
  void Leave(const Context& context) {
    absl::MutexLock lock(&mutex_);
    contexts_.erase(context);
  }
  // Cancels what runs and waits for it.
  void Stop() {
    std::set<Context> running;
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
      running = contexts_;
    }
    // Not under the lock: a callback may run inside TryCancel.
    for (const Context& context : running) context->TryCancel();
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(
        +[](std::set<Context>* contexts) { return contexts->empty(); }, &contexts_));
  }

 private:
  absl::Mutex mutex_;
  std::set<Context> contexts_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace mo::edge
