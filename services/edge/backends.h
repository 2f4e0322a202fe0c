// The services behind edge, called by name with bytes.
#pragma once

#include <grpcpp/generic/generic_stub.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/runtime/app.h"
#include "libs/transcode/registry.h"
#include "services/edge/in_flight.h"

namespace mo::edge {

// One generic stub per gRPC service of the contracts. Connect first; then safe for concurrent use.
class Backends {
 public:
  using Done = std::function<void(absl::StatusOr<std::string>)>;

  Backends(App& app, const transcode::Registry& registry) : app_(app), registry_(registry) {}

  // Makes the stubs. When the app runs: services in this process are reached through its server.
  void Connect();

  // Sends a serialized request to `method` on behalf of `caller` and passes the serialized
  // response, on a thread of gRPC, or at once when stopped. Ends after 30 seconds.
  void Call(const transcode::Method& method, const Caller& caller, const std::string& request,
            Done done);

  // Asks every service whether it serves; passes the names of those that do not.
  void CheckHealth(std::function<void(std::vector<std::string>)> done);

  // Cancels what runs, waits for its end and lets go of the services. Nothing may be called
  // afterwards.
  void Stop();

 private:
  struct Pending;

  void Start(const std::string& service, const std::string& path, std::shared_ptr<Pending> call);

  App& app_;
  const transcode::Registry& registry_;
  std::map<std::string, std::unique_ptr<grpc::GenericStub>> stubs_;
  InFlight in_flight_;
};

}  // namespace mo::edge
