#include "libs/http/server.h"

#include <algorithm>
#include <array>
#include <limits>
#include <thread>

#include "libs/http/call.h"
// Asio after call.h, which includes <utility> for it.
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/http/response_head.h"
// Last: definitions that need all of the above.
#include "libs/http/connection.inc"

namespace mo::http {
namespace internal {

void Loop::StartSweeping() {
  const absl::Duration shortest = std::min(options().idle_timeout, options().request_timeout);
  const absl::Duration tick =
      std::clamp(shortest / 4, absl::Milliseconds(5), absl::Duration(absl::Seconds(1)));
  sweeper_.expires_after(absl::ToChronoNanoseconds(tick));
  sweeper_.async_wait([this](ErrorCode error) {
    // Not the error alone: at a stop this may have been on its way already.
    if (error || stopped_) return;
    const SteadyTime now = std::chrono::steady_clock::now();
    for (const auto& connection : Connections()) connection->CheckDeadline(now);
    StartSweeping();
  });
}

void Loop::StopGently() {
  stopping_ = true;
  for (const auto& connection : Connections()) connection->Finish();
}

void Loop::StopNow() {
  stopping_ = stopped_ = true;
  sweeper_.cancel();
  for (const auto& connection : Connections()) connection->Close();
}

}  // namespace internal

using internal::Connection;
using internal::ErrorCode;
using internal::Loop;
using internal::Socket;
namespace net = internal::net;

bool Stream::Write(std::string chunk) {
  return handle_ != nullptr && handle_->state->Write(std::move(chunk));
}

size_t Stream::queued() const { return handle_ == nullptr ? 0 : handle_->state->queued(); }

void Stream::Close() {
  if (handle_ != nullptr) handle_->state->Close();
}

void Stream::Abort() {
  if (handle_ != nullptr) handle_->state->Abort();
}

void Stream::OnDrained(std::function<void()> callback) {
  if (handle_ != nullptr) {
    handle_->state->OnDrained(std::move(callback));
  } else {
    callback();
  }
}

void Stream::OnClose(std::function<void()> callback) {
  if (handle_ != nullptr) {
    handle_->state->OnClose(std::move(callback));
  } else {
    callback();
  }
}

void Responder::Send(Response response) const {
  if (call_ != nullptr) call_->Send(std::move(response));
}

Stream Responder::StartStream(int status, Headers headers) const {
  if (call_ == nullptr) return Stream();
  return Stream(
      std::make_shared<internal::StreamHandle>(call_->StartStream(status, std::move(headers))));
}

void Responder::Drop() const {
  if (call_ != nullptr) call_->Drop();
}

class Server::Impl {
 public:
  Impl(Options options, Handler handler)
      : shared_(std::make_shared<internal::ServerShared>(std::move(options), std::move(handler))) {}

  absl::Status Start();
  void Stop(absl::Duration deadline);
  int port() const { return port_; }

 private:
  using Acceptor = net::basic_socket_acceptor<net::ip::tcp, net::io_context::executor_type>;

  absl::Status Listen();
  void Accept();
  void OnAccept(ErrorCode error, Loop& loop, Socket socket);
  // False when there are too many already.
  bool Admit();

  const std::shared_ptr<internal::ServerShared> shared_;
  std::vector<std::shared_ptr<Loop>> loops_;
  std::vector<net::executor_work_guard<net::io_context::executor_type>> work_;
  std::vector<std::thread> threads_;
  std::optional<Acceptor> acceptor_;        // on the first loop
  std::optional<net::steady_timer> pause_;  // before accepting again after an error
  size_t next_loop_ = 0;
  int port_ = 0;
};

absl::Status Server::Impl::Start() {
  if (!loops_.empty()) return absl::FailedPreconditionError("the HTTP server was started before");
  for (int i = 0; i < std::max(1, shared_->options.threads); ++i) {
    loops_.push_back(std::make_shared<Loop>(shared_));
  }
  if (absl::Status status = Listen(); !status.ok()) return status;
  for (const auto& loop : loops_) {
    work_.push_back(net::make_work_guard(loop->context()));
    loop->StartSweeping();
  }
  Accept();
  for (const auto& loop : loops_) {
    threads_.emplace_back([loop] { loop->context().run(); });
  }
  return absl::OkStatus();
}

absl::Status Server::Impl::Listen() {
  ErrorCode error;
  const net::ip::address address = net::ip::make_address(shared_->options.address, error);
  if (error || shared_->options.port < 0 || shared_->options.port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat(
        "not an address to listen on: ", shared_->options.address, ":", shared_->options.port));
  }
  const net::ip::tcp::endpoint endpoint(address, static_cast<uint16_t>(shared_->options.port));
  acceptor_.emplace(loops_.front()->context());
  pause_.emplace(loops_.front()->context());
  acceptor_->open(endpoint.protocol(), error);
  if (!error) acceptor_->set_option(net::socket_base::reuse_address(true), error);
  if (!error) acceptor_->bind(endpoint, error);
  if (!error) acceptor_->listen(net::socket_base::max_listen_connections, error);
  if (error) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", shared_->options.address, ":",
                                               shared_->options.port, ": ", error.message()));
  }
  port_ = acceptor_->local_endpoint().port();
  return absl::OkStatus();
}

// One acceptor deals connections out in turn; each then stays on its loop, so that nothing of it
// needs a lock.
void Server::Impl::Accept() {
  Loop& loop = *loops_[next_loop_++ % loops_.size()];
  acceptor_->async_accept(loop.context(), [this, &loop](ErrorCode error, Socket socket) {
    OnAccept(error, loop, std::move(socket));
  });
}

void Server::Impl::OnAccept(ErrorCode error, Loop& loop, Socket socket) {
  if (!acceptor_->is_open()) return;
  if (error) {
    // Out of file descriptors, most likely: accepting again at once would spin.
    pause_->expires_after(std::chrono::milliseconds(50));
    pause_->async_wait([this](ErrorCode aborted) {
      if (!aborted && acceptor_->is_open()) Accept();
    });
    return;
  }
  ErrorCode gone;
  socket.set_option(net::ip::tcp::no_delay(true), gone);
  socket.non_blocking(true, gone);
  const auto peer = socket.remote_endpoint(gone);
  if (!gone && Admit()) {
    auto connection =
        std::make_shared<Connection>(loop, std::move(socket), peer.address().to_string());
    loop.Run([&loop, connection = std::move(connection)] {
      loop.Add(connection);
      connection->Next();
    });
  }
  Accept();
}

bool Server::Impl::Admit() {
  absl::MutexLock lock(&shared_->mutex);
  if (shared_->connections >= shared_->options.max_connections) return false;
  ++shared_->connections;
  return true;
}

void Server::Impl::Stop(absl::Duration deadline) {
  if (threads_.empty()) return;
  loops_.front()->Run([this] {
    ErrorCode ignored;
    acceptor_->close(ignored);
    pause_->cancel();
    // Only now, so that no connection is dealt to a loop after it was told.
    for (const auto& loop : loops_) loop->Run([&loop] { loop->StopGently(); });
  });
  {
    absl::MutexLock lock(&shared_->mutex);
    shared_->mutex.AwaitWithTimeout(absl::Condition(
                                        +[](internal::ServerShared* s) {
                                          s->mutex.AssertHeld();
                                          return s->connections == 0;
                                        },
                                        shared_.get()),
                                    deadline);
  }
  // Through the first loop again, so that this comes after what it did above.
  loops_.front()->Run([this] {
    for (const auto& loop : loops_) loop->Run([&loop] { loop->StopNow(); });
    work_.clear();
  });
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

Server::Server(Options options, Handler handler)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(handler))) {}

Server::~Server() { Stop(absl::ZeroDuration()); }

absl::Status Server::Start() { return impl_->Start(); }

int Server::port() const { return impl_->port(); }

void Server::Stop(absl::Duration deadline) { impl_->Stop(deadline); }

}  // namespace mo::http
