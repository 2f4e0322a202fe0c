// Internal to server.cc: what stands behind a Responder and a Stream.
#ifndef MESSAGEORGANIZER_LIBS_HTTP_CALL_H_
#define MESSAGEORGANIZER_LIBS_HTTP_CALL_H_

#include <atomic>
#include <functional>
#include <memory>
#include <utility>

#include "libs/http/connection.h"

namespace mo::http::internal {

// The right to answer one request, given up when the last copy of its Responder goes.
class Call {
 public:
  Call(std::shared_ptr<Loop> loop, std::weak_ptr<Connection> connection)
      : loop_(std::move(loop)), connection_(std::move(connection)) {}
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  ~Call() {
    if (answered_) return;
    loop_->Run([loop = loop_.get(), connection = connection_] {
      if (auto c = connection.lock()) {
        c->Send(loop->shared().Error(500, "The request was not answered."));
      }
    });
  }

  void Send(Response response) {
    if (answered_.exchange(true)) return;
    loop_->Run([connection = connection_, response = std::move(response)]() mutable {
      if (auto c = connection.lock()) c->Send(std::move(response));
    });
  }

  void Drop() {
    if (answered_.exchange(true)) return;
    loop_->Run([connection = connection_] {
      if (auto c = connection.lock()) c->Close();
    });
  }

  std::shared_ptr<StreamState> StartStream(int status, Headers headers) {
    auto stream = std::make_shared<StreamState>(OnConnection([](Connection& c) { c.Flush(); }),
                                                OnConnection([](Connection& c) { c.Close(); }));
    if (answered_.exchange(true)) {
      stream->End();
      return stream;
    }
    loop_->Run([connection = connection_, status, headers = std::move(headers), stream] {
      const auto c = connection.lock();
      if (c == nullptr || !c->StartStream(status, headers, stream)) stream->End();
    });
    return stream;
  }

 private:
  // `action` on the connection, if it is still there, on its thread.
  template <typename Action>
  std::function<void()> OnConnection(Action action) {
    return [loop = loop_, connection = connection_, action] {
      loop->Run([connection, action] {
        if (auto c = connection.lock()) action(*c);
      });
    };
  }

  const std::shared_ptr<Loop> loop_;
  const std::weak_ptr<Connection> connection_;
  std::atomic<bool> answered_ = false;
};

// Closes the stream when the last copy of its Stream goes.
class StreamHandle {
 public:
  explicit StreamHandle(std::shared_ptr<StreamState> stream) : state(std::move(stream)) {}
  StreamHandle(const StreamHandle&) = delete;
  StreamHandle& operator=(const StreamHandle&) = delete;
  ~StreamHandle() { state->Close(); }

  const std::shared_ptr<StreamState> state;
};

}  // namespace mo::http::internal

#endif  // MESSAGEORGANIZER_LIBS_HTTP_CALL_H_
