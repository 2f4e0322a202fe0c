// What providers send: /callbacks/{driver}/{sim}, handed on to sims as it came.
#pragma once

#include <string>

#include "libs/http/server.h"
#include "libs/runtime/metrics.h"
#include "services/edge/backends.h"

namespace mo::edge {

// Largest body of a callback: what Meta sends at most.
inline constexpr size_t kMaxCallbackBody = 3 << 20;

// Whether a request is a callback, by its path.
bool IsCallback(const http::Request& request);

// Hands callbacks on. They need no key: sims finds out whether they come from the SIM's provider.
class Callbacks {
 public:
  Callbacks(Backends& backends, Metrics& metrics);

  // Answers when what the callback says is durable; with 503, so that the provider brings it again,
  // when it cannot be made so.
  void Handle(http::Request request, http::Responder responder, const std::string& request_id);

 private:
  Backends& backends_;
  const transcode::Method& method_;
  prometheus::Histogram& seconds_;
  prometheus::Counter& failed_;
};

}  // namespace mo::edge
