#include "tools/simulator/stream.h"

#include <utility>

#include "tools/simulator/agent.h"

namespace mo::simulator {

namespace sims = messageorganizer::sims::v1;

namespace {

google::protobuf::ArenaOptions FrameArena() {
  google::protobuf::ArenaOptions options;
  options.start_block_size = 4 << 10;
  options.max_block_size = 256 << 10;
  return options;
}

}  // namespace

AttachStream::AttachStream(std::shared_ptr<Agent> agent,
                           const std::shared_ptr<grpc::Channel>& channel, const std::string& token)
    : agent_(std::move(agent)), stub_(sims::DeviceAgentService::NewStub(channel)) {
  context_.AddMetadata("mo-agent-token", token);
  stub_->async()->Attach(&context_, this);
}

sims::AgentFrame* AttachStream::NewFrame() {
  write_arena_.emplace(FrameArena());
  write_ = google::protobuf::Arena::CreateMessage<sims::AgentFrame>(&*write_arena_);
  return write_;
}

void AttachStream::Send() { StartWrite(write_); }

void AttachStream::Read() {
  read_arena_.emplace(FrameArena());
  read_ = google::protobuf::Arena::CreateMessage<sims::GatewayFrame>(&*read_arena_);
  StartRead(read_);
}

void AttachStream::Start() {
  AddHold();  // for writes that begin outside of reactions; removed when reads end
  Send();
  Read();
  StartCall();
}

void AttachStream::OnReadDone(bool ok) {
  if (!ok) {
    agent_->OnReadsEnded();
    RemoveHold();
    return;
  }
  // Reading goes on after a cancel, to the end that it brings.
  if (!agent_->OnFrame(*read_)) context_.TryCancel();
  Read();
}

void AttachStream::OnWriteDone(bool ok) { agent_->OnWritten(ok); }

void AttachStream::OnDone(const grpc::Status& status) {
  // gRPC 1.51 breaks if the last reference to a channel goes in one of its own threads: ours goes
  // before the agent, and so the owner of the channels, hears of the end.
  const std::shared_ptr<Agent> agent = agent_;
  delete this;
  agent->OnClosed(status);
}

}  // namespace mo::simulator
