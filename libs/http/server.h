// An asynchronous HTTP/1.1 server: a handler gets a request and a handle to answer it with, from
// any thread.
#ifndef MESSAGEORGANIZER_LIBS_HTTP_SERVER_H_
#define MESSAGEORGANIZER_LIBS_HTTP_SERVER_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/http/message.h"
#include "libs/http/quick.h"

namespace mo::http {

namespace internal {
class Call;
class StreamHandle;
}  // namespace internal

// A response body that is written piece by piece (Server-Sent Events). Copies name the same stream;
// when the last copy is gone the stream closes. Every method may be called from any thread.
class Stream {
 public:
  Stream() = default;
  explicit Stream(std::shared_ptr<internal::StreamHandle> handle) : handle_(std::move(handle)) {}

  // Queues `chunk`. False when the client is gone or the stream is closed; a client that lets more
  // than 1 MiB pile up is disconnected.
  bool Write(std::string chunk);
  // Bytes written that have not left yet; a writer with much to say waits for them to shrink.
  size_t queued() const;
  // Ends the body after what is queued.
  void Close();
  // Breaks the body off, so that the client knows that it is not whole.
  void Abort();
  // Calls `callback` once when nothing is queued any more or the stream has ended; at once if it is
  // so already. One callback at a time; it runs on a server thread or inside this call and must not
  // block.
  void OnDrained(std::function<void()> callback);
  // Calls `callback` once when the stream has ended, whoever ended it; at once if it already has.
  // One callback per stream; it runs on a server thread or inside this call and must not block.
  void OnClose(std::function<void()> callback);

 private:
  std::shared_ptr<internal::StreamHandle> handle_;
};

// The right to answer one request, once, from any thread, while the server runs or later. Copies
// share that right. If the last copy is destroyed without an answer, the client gets a 500.
class Responder {
 public:
  Responder() = default;
  explicit Responder(std::shared_ptr<internal::Call> call) : call_(std::move(call)) {}

  // Answers. Every call after the first answer does nothing.
  void Send(Response response) const;
  // Answers with these headers now and a body to come, in chunks. After an earlier answer the
  // stream is closed already.
  Stream StartStream(int status, Headers headers) const;
  // Closes the connection instead of answering, as a peer does that fails in the middle.
  void Drop() const;

 private:
  std::shared_ptr<internal::Call> call_;
};

// Runs on a server thread and must not block: slow work goes elsewhere and answers through the
// responder. An exception that leaves it becomes a 500.
using Handler = std::function<void(Request, Responder)>;

struct ServerOptions {
  std::string address = "127.0.0.1";
  int port = 0;  // 0: a free one
  int threads = 1;
  // The largest body taken; a larger one is answered with 413.
  size_t max_body = 1 << 20;
  // If set, decides instead of max_body for each request, from its head (the body is still empty).
  std::function<size_t(const Request& head)> body_limit;
  // The largest request line and headers together; more is answered with 431.
  size_t max_header = 16 << 10;
  int max_connections = 10000;  // more are closed as they come
  // How long a connection may stay between two requests.
  absl::Duration idle_timeout = absl::Seconds(60);
  // How long the head of a request may take, and its body, and the sending of a response, each; the
  // latter two get one more second per 64 KiB.
  absl::Duration request_timeout = absl::Seconds(30);
  // If set, is asked first, for each plain GET or HEAD (quick.h): true when it has filled in the
  // answer, false when the handler is to decide. Runs on a server thread, must not block nor throw.
  // The requests that it answers cost half.
  std::function<bool(const QuickRequest&, QuickAnswer*)> quick;
  // The answer to a request that never reaches the handler (400, 408, 413, 431), and to one it
  // dropped (500). Runs on a server thread. If not set: the reason as plain text.
  std::function<Response(int status, absl::string_view reason)> error_response;
};

// A listening server with its threads.
class Server {
 public:
  using Options = ServerOptions;

  Server(Options options, Handler handler);
  ~Server();  // Stop(absl::ZeroDuration())
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Listens and serves. InvalidArgument for a bad address, Unavailable when the port is taken. At
  // most once.
  absl::Status Start();

  // The port in use, 0 before Start.
  int port() const;

  // Stops accepting, closes idle connections and ends streams, lets running requests be answered
  // for at most `deadline`, then closes what is left and joins the threads. Not from a server
  // thread.
  void Stop(absl::Duration deadline);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mo::http

#endif  // MESSAGEORGANIZER_LIBS_HTTP_SERVER_H_
