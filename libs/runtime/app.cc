#include "libs/runtime/app.h"

#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/server_builder.h>
#include <prometheus/exposer.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/runtime/log.h"
#include "libs/runtime/status.h"

namespace mo {
namespace {

constexpr int kMaxMessageBytes = 16 << 20;  // media uploads are the largest
constexpr absl::Duration kCallDeadline = absl::Seconds(10);

// "messageorganizer.sims.v1.SimService" → "sims".
std::string ServiceOf(absl::string_view full_name) {
  const std::vector<absl::string_view> parts = absl::StrSplit(full_name, '.');
  return parts.size() > 1 ? std::string(parts[1]) : std::string(full_name);
}

void EnableHealthAndReflection() {
  // Process-wide registrations of gRPC plugins: once, before the first server is built.
  static const bool done = [] {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    return true;
  }();
  (void)done;
}

}  // namespace

App::App(AppOptions options)
    : options_(std::move(options)),
      ids_(*options_.clock, options_.id_seed != 0 ? options_.id_seed : std::random_device{}()),
      identity_(options_.identity_key) {}

App::~App() {
  Stop();
  while (!owned_.empty()) owned_.pop_back();
}

Rpc& App::OwnRpc(const std::string& service, int threads) {
  Rpc& rpc = Own<Rpc>(Rpc::Options{service, threads}, identity_, clock(), metrics_);
  rpcs_.push_back(&rpc);
  return rpc;
}

Worker& App::OwnWorker(std::string name, absl::Duration interval,
                       std::function<absl::StatusOr<bool>()> run_once) {
  Worker& worker = Own<Worker>(std::move(name), interval, std::move(run_once));
  OnRun(
      [&worker] {
        worker.Start();
        return absl::OkStatus();
      },
      [&worker] { worker.Stop(); });
  return worker;
}

void App::Serve(grpc::Service& service) { services_.push_back(&service); }
void App::OnOpen(std::function<absl::Status()> hook) { open_hooks_.push_back(std::move(hook)); }
void App::OnRun(std::function<absl::Status()> start, std::function<void()> stop) {
  run_hooks_.push_back({std::move(start), std::move(stop)});
}

absl::Status App::Start() {
  if (options_.identity_key.size() < 32) {
    return absl::InvalidArgumentError("the identity key must have at least 32 bytes");
  }
  for (const auto& hook : open_hooks_) MO_RETURN_IF_ERROR(hook());
  EnableHealthAndReflection();
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options_.grpc_listen, grpc::InsecureServerCredentials(), &grpc_port_);
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  // A port that another process holds is an error, not a shared load.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  for (grpc::Service* service : services_) builder.RegisterService(service);
  server_ = builder.BuildAndStart();
  if (!server_)
    return absl::UnavailableError(absl::StrCat("cannot listen on ", options_.grpc_listen));
  server_->GetHealthCheckService()->SetServingStatus(false);
  for (; running_ < run_hooks_.size(); ++running_) {
    if (absl::Status status = run_hooks_[running_].start(); !status.ok()) {
      Stop();
      return status;
    }
  }
  if (!options_.metrics_listen.empty()) {
    try {
      auto exposer = std::make_shared<prometheus::Exposer>(options_.metrics_listen, 1);
      exposer->RegisterCollectable(metrics_.registry());
      exposer_ = exposer;
    } catch (const std::exception& error) {
      Stop();
      return absl::UnavailableError(
          absl::StrCat("metrics on ", options_.metrics_listen, ": ", error.what()));
    }
  }
  server_->GetHealthCheckService()->SetServingStatus(true);
  return absl::OkStatus();
}

void App::Stop() {
  if (!server_) return;
  server_->GetHealthCheckService()->SetServingStatus(false);
  while (running_ > 0) run_hooks_[--running_].stop();
  server_->Shutdown(absl::ToChronoTime(absl::Now() + options_.stop_deadline));
  for (Rpc* rpc : rpcs_) rpc->Stop();
  {
    std::lock_guard lock(channels_mutex_);
    channels_.clear();
  }
  server_.reset();
  exposer_.reset();
}

std::shared_ptr<grpc::Channel> App::ChannelTo(absl::string_view service_full_name) {
  const std::string name = ServiceOf(service_full_name);
  std::lock_guard lock(channels_mutex_);
  std::shared_ptr<grpc::Channel>& channel = channels_[name];
  if (channel) return channel;
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  // A peer that was restarted is tried again at once, not after gRPC's default of up to two
  // minutes. The second number is, despite its name, how long one attempt to connect may take
  // (subchannel.cc, min_connect_timeout): 50 ms are too few for a busy machine's handshake.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 3000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  const auto peer = options_.peers.find(name);
  if (peer != options_.peers.end()) {
    channel =
        grpc::CreateCustomChannel(peer->second, grpc::InsecureChannelCredentials(), arguments);
  } else {
    channel = server_->InProcessChannel(arguments);
  }
  return channel;
}

bool App::HasPeer(absl::string_view service_full_name) const {
  return options_.peers.contains(ServiceOf(service_full_name));
}

Caller App::Outgoing(const Caller& caller) const {
  Caller self = caller;
  // The account stays the caller's.
  if (!self.internal()) self.scopes.push_back("internal");
  // gRPC's clock is the machine's, not the app's.
  self.deadline = std::min(caller.deadline, absl::Now() + kCallDeadline);
  return self;
}

void App::PrepareCall(const Caller& caller, grpc::ClientContext& context) const {
  const Caller self = Outgoing(caller);
  context.AddMetadata(kIdentityMetadata, identity_.Sign(self, clock().Now()));
  if (!caller.request_id.empty()) context.AddMetadata(kRequestIdMetadata, caller.request_id);
  if (!caller.traceparent.empty()) context.AddMetadata(kTraceparentMetadata, caller.traceparent);
  if (!caller.idempotency_key.empty())
    context.AddMetadata(kIdempotencyKeyMetadata, caller.idempotency_key);
  context.set_deadline(absl::ToChronoTime(self.deadline));
}

}  // namespace mo
