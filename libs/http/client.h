// An HTTP client on one background thread (libcurl multi): connections are reused, every transfer
// is bounded in time and size, and URLs that strangers gave us are kept away from our own network
// (see ssrf.h).
#ifndef MESSAGEORGANIZER_LIBS_HTTP_CLIENT_H_
#define MESSAGEORGANIZER_LIBS_HTTP_CLIENT_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/http/message.h"

namespace mo::http {

// One request, http or https only, without credentials in the URL and never through a proxy.
struct ClientRequest {
  std::string method = "GET";
  std::string url;
  Headers headers;
  std::string body;
  absl::Duration timeout = absl::Seconds(10);  // of everything: waiting for a slot, redirects, body
  absl::Duration connect_timeout = absl::Seconds(5);
  size_t max_response_bytes = 1 << 20;  // after decompression
  // A larger response ends there, with what came until then, instead of being an error.
  bool cut_response = false;
  // True only for URLs we wrote ourselves: turns off the guard (any address, any port).
  bool allow_private = false;
  // Ports the guard lets pass beside 80 and 443.
  std::vector<int> allowed_ports;
  // 0: a redirect is returned as it is. Each hop passes the same guard; a hop to another origin
  // loses all headers but Accept, Accept-Language, Content-Type and User-Agent, and is refused if
  // it would carry the body along.
  int max_redirects = 0;
};

struct ClientOptions {
  int max_in_flight = 64;  // more requests wait their turn
  std::string user_agent = "messageorganizer";
};

// Any HTTP status is a Response. Errors: InvalidArgument (a request we do not send),
// PermissionDenied (the guard), Unavailable (nothing was sent: name, connection or TLS failed),
// DeadlineExceeded and Unknown (the peer may have seen the request), ResourceExhausted (the
// response is too large), FailedPrecondition (too many redirects), Cancelled (the client stopped).
// A dead kept-alive connection is replaced and the request sent again by libcurl itself.
class Client {
 public:
  using Callback = std::function<void(absl::StatusOr<Response>)>;

  explicit Client(ClientOptions options = {});
  ~Client();  // Stop()
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Starts a request. `done` runs once, on the client's thread (or inside this call if the client
  // has stopped), and must not block.
  void Fetch(ClientRequest request, Callback done);

  // The same, waiting for the result. Never from a callback of this client.
  absl::StatusOr<Response> Fetch(ClientRequest request);

  // Waits for a GET of `url` with the defaults above.
  absl::StatusOr<Response> Get(std::string url);

  // Cancels what is running or waiting and joins the thread. Not from a callback.
  void Stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mo::http

#endif  // MESSAGEORGANIZER_LIBS_HTTP_CLIENT_H_
