// Calls under way, so that nothing they use goes before they have ended.
#pragma once

#include <grpcpp/client_context.h>

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"

namespace mo::edge {

// Knows asynchronous calls from their start until nothing is left of them. Safe for concurrent use.
class InFlight {
 public:
  // A call's place here. A call's object has it as its first member, so that it goes last: gRPC
  // lets go of the object, and with it of the context, only some time after the callback.
  class Place {
   public:
    Place() = default;
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
      if (in_flight_ != nullptr) in_flight_->Leave(this);
    }

   private:
    friend class InFlight;
    InFlight* in_flight_ = nullptr;
  };

  // Before a call starts. False after Stop: do not start it.
  bool Enter(Place* place, std::weak_ptr<grpc::ClientContext> context) {
    absl::MutexLock lock(&mutex_);
    if (stopping_) return false;
    place->in_flight_ = this;
    contexts_[place] = std::move(context);
    return true;
  }
  // Cancels what runs and waits until the last of it has gone.
  void Stop() {
    std::vector<std::shared_ptr<grpc::ClientContext>> running;
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
      for (const auto& [place, context] : contexts_) running.push_back(context.lock());
    }
    // Not under the lock: a callback may run inside TryCancel, and a call end with our reference.
    for (const auto& context : running) {
      if (context != nullptr) context->TryCancel();
    }
    running.clear();
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(
        +[](Contexts* contexts) { return contexts->empty(); }, &contexts_));
  }

 private:
  using Contexts = std::map<const Place*, std::weak_ptr<grpc::ClientContext>>;

  void Leave(const Place* place) {
    absl::MutexLock lock(&mutex_);
    contexts_.erase(place);
  }

  absl::Mutex mutex_;
  Contexts contexts_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace mo::edge
