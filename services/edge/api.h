// The REST API: one RPC for each request.
#pragma once

#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "libs/http/server.h"
#include "libs/runtime/executor.h"
#include "libs/runtime/metrics.h"
#include "libs/transcode/registry.h"
#include "libs/transcode/transcoder.h"
#include "services/edge/backends.h"
#include "services/edge/gate.h"

namespace mo::edge {

// Finds the route, lets the caller in, transcodes, calls, answers; never blocks. A file that comes
// in pages (common.v1.NextPage) goes out as a whole, unless the request names a page or its size.
// Safe for concurrent use.
class Api {
 public:
  Api(const transcode::Registry& registry, Gate& gate, Backends& backends, Executor& executor,
      Metrics& metrics);

  // Answers a request to a path below /v1.
  void Handle(http::Request request, http::Responder responder, std::string request_id);

 private:
  struct Exchange;

  void LetIn(std::shared_ptr<Exchange> exchange);
  void Encode(std::shared_ptr<Exchange> exchange);
  void Answer(std::shared_ptr<Exchange> exchange, const absl::StatusOr<std::string>& response);
  void SendAll(std::shared_ptr<Exchange> exchange, transcode::HttpBody first);
  void Fail(const Exchange& exchange, const absl::Status& status);
  void Send(const Exchange& exchange, http::Response response);
  void Count(const Exchange& exchange, int status);
  void Time(const Exchange& exchange);

  const transcode::Registry& registry_;
  Gate& gate_;
  Backends& backends_;
  Executor& executor_;
  // By route, filled in the constructor.
  absl::flat_hash_map<const transcode::Route*, prometheus::Histogram*> seconds_;
  Metrics& metrics_;
};

}  // namespace mo::edge
