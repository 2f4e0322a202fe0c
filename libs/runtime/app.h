// One process: what every service's Install wires itself into.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/server.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/runtime/account_weights.h"
#include "libs/runtime/clock.h"
#include "libs/runtime/identity.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/metrics.h"
#include "libs/runtime/rpc.h"
#include "libs/runtime/worker.h"

namespace grpc {
class ClientContext;
}

namespace mo {

// How a process is set up; from flags (main.h) or a test.
struct AppOptions {
  std::string grpc_listen = "127.0.0.1:0";  // port 0: a free one, see App::grpc_port
  std::string http_listen = "127.0.0.1:0";  // edge only
  std::string metrics_listen;               // empty: none
  std::string identity_key;                 // at least 32 bytes, the same in all processes
  std::string operator_key;                 // the operator's API key; empty: none
  // Keys that credentials are sealed with (libs/secrets/key_ring.h); empty: none can be kept.
  std::string secret_keys;
  // libpq connection string without user; services connect as mo_<service> and mo_<service>_system.
  std::string database_url;
  // The user that migrates: owns the schemas, may create roles.
  std::string migration_user = "postgres";
  std::string database_password;  // of the services' roles; empty: none
  std::string redis_url;          // unix:/path or tcp://host:port
  std::string data_dir = "var";
  std::string public_url;                    // how clients reach edge; for links in answers
  std::map<std::string, std::string> peers;  // service → host:port; absent: in this process
  AccountWeights account_weights;
  absl::Duration stop_deadline = absl::Seconds(10);
  const Clock* clock = &Clock::System();
  uint64_t id_seed = 0;  // 0: random
};

// Builds in Install, then Start: open hooks (databases) in their order, the gRPC server, run hooks
// (workers), health SERVING. Stop goes backwards: health off, run hooks, server drained, everything
// owned destroyed in reverse.
class App {
 public:
  explicit App(AppOptions options);
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  const AppOptions& options() const { return options_; }
  const Clock& clock() const { return *options_.clock; }
  IdGenerator& ids() { return ids_; }
  const IdentityKey& identity() const { return identity_; }
  Metrics& metrics() { return metrics_; }

  // Makes an object that lives as long as the app.
  template <class T, class... Args>
  T& Own(Args&&... args) {
    auto object = std::make_shared<T>(std::forward<Args>(args)...);
    T& reference = *object;
    owned_.push_back(std::move(object));
    return reference;
  }
  // An Rpc for a service, with its own pool of threads.
  Rpc& OwnRpc(const std::string& service, int threads = 16);
  // A Worker that runs between Start and Stop.
  Worker& OwnWorker(std::string name, absl::Duration interval,
                    std::function<absl::StatusOr<bool>()> run_once);

  // Serves it; the object must live as long as the app (Own).
  void Serve(grpc::Service& service);
  // Run in their order before the server opens; an error ends the start.
  void OnOpen(std::function<absl::Status()> hook);
  // Run in their order when the server is open, undone in reverse.
  void OnRun(std::function<absl::Status()> start, std::function<void()> stop);

  // Starts everything; on error everything that was started is stopped again.
  absl::Status Start();
  // Stops in reverse. Idempotent.
  void Stop();

  // The port that gRPC listens on, after Start.
  int grpc_port() const { return grpc_port_; }
  // A channel to the service of a full name, in this process or a peer.
  std::shared_ptr<grpc::Channel> ChannelTo(absl::string_view service_full_name);
  // The served object of this type, or null when the service of that full name is not of this
  // process.
  template <class CallbackService>
  CallbackService* Served(absl::string_view service_full_name) const {
    if (HasPeer(service_full_name)) return nullptr;
    for (grpc::Service* service : services_) {
      if (auto* served = dynamic_cast<CallbackService*>(service)) return served;
    }
    return nullptr;
  }
  // The caller as a method of another service sees it: with the right to internal methods, which is
  // the calling service's own, and no more than 10 s from now.
  Caller Outgoing(const Caller& caller) const;
  // Puts identity, request id, idempotency key and deadline of a call between services into its
  // context.
  void PrepareCall(const Caller& caller, grpc::ClientContext& context) const;

 private:
  bool HasPeer(absl::string_view service_full_name) const;

  struct RunHook {
    std::function<absl::Status()> start;
    std::function<void()> stop;
  };

  const AppOptions options_;
  IdGenerator ids_;
  const IdentityKey identity_;
  Metrics metrics_;
  std::shared_ptr<void> exposer_;
  std::vector<std::shared_ptr<void>> owned_;
  std::vector<Rpc*> rpcs_;
  std::vector<grpc::Service*> services_;
  std::vector<std::function<absl::Status()>> open_hooks_;
  std::vector<RunHook> run_hooks_;
  size_t running_ = 0;
  std::unique_ptr<grpc::Server> server_;
  int grpc_port_ = 0;
  std::mutex channels_mutex_;
  std::map<std::string, std::shared_ptr<grpc::Channel>> channels_;
};

}  // namespace mo
