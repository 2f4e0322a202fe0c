// An HTTP client for many small requests to few origins: each has a pool of kept-alive connections
// that its requests queue for. A tenth of what Client costs per request, which is for everything
// else (redirects, compressed answers, strangers' URLs of all kinds).
#ifndef MESSAGEORGANIZER_LIBS_HTTP_POOL_CLIENT_H_
#define MESSAGEORGANIZER_LIBS_HTTP_POOL_CLIENT_H_

#include <memory>
#include <string>

#include "libs/http/client.h"

namespace mo::http {

namespace internal {
class Pool;
}

struct PoolClientOptions {
  int connections_per_origin = 64;  // more requests wait their turn
  // Connections that have not been used for so long are closed.
  absl::Duration idle_time = absl::Seconds(50);
  std::string user_agent = "messageorganizer";
};

// Any HTTP status is a Response. Errors: InvalidArgument (a request we do not send),
// PermissionDenied (the guard), Unavailable (nothing was sent: name, connection or TLS failed, or
// the time was over before there was a free connection), DeadlineExceeded and Unknown (the peer may
// have seen the request), ResourceExhausted (the response is too large), Cancelled (the client has
// stopped; the peer may have seen the request). Nothing is ever sent twice. max_redirects is not
// heeded: a redirect is a response.
class PoolClient {
 public:
  using Callback = Client::Callback;

  explicit PoolClient(PoolClientOptions options = {});
  ~PoolClient();  // Stop()
  PoolClient(const PoolClient&) = delete;
  PoolClient& operator=(const PoolClient&) = delete;

  // Starts a request. `done` runs once, on the client's thread (or inside this call if the client
  // has stopped), and must not block.
  void Fetch(ClientRequest request, Callback done);

  // Cancels what is running or waiting and joins the thread. Not from a callback.
  void Stop();

 private:
  std::unique_ptr<internal::Pool> pool_;
};

}  // namespace mo::http

#endif  // MESSAGEORGANIZER_LIBS_HTTP_POOL_CLIENT_H_
