// Handlers that the server's tests share.
#ifndef MESSAGEORGANIZER_LIBS_HTTP_SERVER_TEST_H_
#define MESSAGEORGANIZER_LIBS_HTTP_SERVER_TEST_H_

#include <catch2/catch.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "libs/http/raw_client_test.h"
#include "libs/http/server.h"

namespace mo::http {

// Says what arrived.
inline void Echo(Request request, Responder responder) {
  responder.Send({200,
                  {{"Content-Type", "text/plain"}},
                  absl::StrCat(request.method, " ", request.path, "?", request.query, " [",
                               request.body, "] from ", request.remote_address)});
}

// Requests waiting until the test answers them.
class Held {
 public:
  void operator()(Request, Responder responder) {
    absl::MutexLock lock(&mutex_);
    waiting_.push_back(std::move(responder));
  }
  // The oldest one.
  Responder Next() {
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(this, &Held::Any), kTestDeadline);
    REQUIRE(!waiting_.empty());
    Responder first = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    return first;
  }

 private:
  bool Any() const { return !waiting_.empty(); }
  absl::Mutex mutex_;
  std::vector<Responder> waiting_;
};

}  // namespace mo::http

#endif  // MESSAGEORGANIZER_LIBS_HTTP_SERVER_TEST_H_
