// The public HTTP server.
#pragma once

#include <memory>
#include <string>

#include "libs/http/server.h"
#include "libs/runtime/app.h"
#include "services/edge/api.h"
#include "services/edge/callbacks.h"
#include "services/edge/feed_hub.h"
#include "services/edge/gate.h"

namespace mo::edge {

// Where requests arrive: the REST API, the live feed, providers' callbacks, the documentation,
// health.
class Edge {
 public:
  Edge(App& app, Api& api, Gate& gate, Backends& backends, FeedHub& feed, Callbacks& callbacks);

  // Listens on the app's http_listen.
  absl::Status Start();
  // Ends streams, lets running requests finish for a while.
  void Stop();
  // The port in use, after Start.
  int port() const { return server_ == nullptr ? 0 : server_->port(); }

 private:
  void Handle(http::Request request, http::Responder responder);
  // The pages that are no RPC; false: it is none of them.
  bool HandlePage(const http::Request& request, const http::Responder& responder,
                  const std::string& request_id);
  void HandleReady(const http::Responder& responder);
  void HandleEvents(http::Request request, http::Responder responder, std::string request_id);

  App& app_;
  Api& api_;
  Gate& gate_;
  Backends& backends_;
  FeedHub& feed_;
  Callbacks& callbacks_;
  const std::string openapi_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace mo::edge
