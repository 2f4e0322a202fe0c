// One Attach call, from the first frame to its end.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <optional>
#include <string>

#include "google/protobuf/arena.h"
#include "messageorganizer/sims/v1/device.grpc.pb.h"

namespace mo::simulator {

class Agent;

// Deletes itself when gRPC is done with it; the agent hears of every event. StartCall and Send are
// called under the agent's lock and not after the agent has heard OnReadsEnded.
class AttachStream final
    : public grpc::ClientBidiReactor<messageorganizer::sims::v1::AgentFrame,
                                     messageorganizer::sims::v1::GatewayFrame> {
 public:
  AttachStream(std::shared_ptr<Agent> agent, const std::shared_ptr<grpc::Channel>& channel,
               const std::string& token);

  // An empty frame to fill and Send; at most one until OnWritten.
  messageorganizer::sims::v1::AgentFrame* NewFrame();
  void Send();
  // Starts the call; the frame made before is its first.
  void Start();
  // Ends the call; not after OnReadsEnded, which comes before the end in any case.
  void Cancel() { context_.TryCancel(); }

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  void Read();

  const std::shared_ptr<Agent> agent_;
  grpc::ClientContext context_;
  std::unique_ptr<messageorganizer::sims::v1::DeviceAgentService::Stub> stub_;
  // Frames hold thousands of small messages: an arena each is one allocation and one release.
  std::optional<google::protobuf::Arena> read_arena_;
  std::optional<google::protobuf::Arena> write_arena_;
  messageorganizer::sims::v1::GatewayFrame* read_ = nullptr;
  messageorganizer::sims::v1::AgentFrame* write_ = nullptr;
};

}  // namespace mo::simulator
