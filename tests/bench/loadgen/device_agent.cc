#include "tests/bench/loadgen/device_agent.h"

#include <grpcpp/create_channel.h>

#include <utility>

namespace mo::bench {
namespace {

namespace v1 = messageorganizer::sims::v1;

constexpr int kFrameItems = 1000;  // the contract's limit
// How long the gateway is given to make durable what it was told last.
constexpr absl::Duration kLastAck = absl::Seconds(10);

}  // namespace

DeviceAgent::DeviceAgent(const std::string& target, const std::string& token, int credit,
                         std::vector<v1::ReceiptState> receipts, OnMessage on_message)
    : receipts_(std::move(receipts)),
      on_message_(std::move(on_message)),
      stub_(v1::DeviceAgentService::NewStub(
          grpc::CreateChannel(target, grpc::InsecureChannelCredentials()))) {
  context_.AddMetadata("mo-agent-token", token);
  stream_ = stub_->Attach(&context_);
  v1::AgentFrame frame;
  v1::AgentHello& hello = *frame.add_items()->mutable_hello();
  hello.set_agent_id("bench");
  hello.set_idempotent(true);
  hello.set_credit(credit);
  Say(frame);
  reader_ = std::thread([this] { Read(); });
}

DeviceAgent::~DeviceAgent() {
  // Results that are not durable would have the gateway hand their messages to the next agent.
  {
    absl::MutexLock lock(&write_mutex_);
    write_mutex_.AwaitWithTimeout(absl::Condition(this, &DeviceAgent::Settled), kLastAck);
  }
  context_.TryCancel();
  reader_.join();
}

void DeviceAgent::Write(v1::Inbound inbound) {
  v1::AgentFrame frame;
  *frame.add_items()->mutable_inbound() = std::move(inbound);
  Say(frame);
}

absl::Status DeviceAgent::status() const {
  return ended_ ? absl::UnavailableError("the gateway has ended the stream") : absl::OkStatus();
}

void DeviceAgent::Say(v1::AgentFrame& frame) {
  absl::MutexLock lock(&write_mutex_);
  frame.set_seq(++seq_);
  frame.set_ack(read_);
  stream_->Write(frame);
}

bool DeviceAgent::Settled() const { return ended_ || (answered_ == read_ && acked_ >= seq_); }

void DeviceAgent::Read() {
  v1::GatewayFrame frame;
  while (stream_->Read(&frame)) {
    const absl::Time now = absl::Now();
    {
      absl::MutexLock lock(&write_mutex_);
      read_ = frame.seq();
      acked_ = frame.ack();
    }
    v1::AgentFrame reply;
    for (const v1::GatewayItem& item : frame.items()) {
      for (const v1::SendMessage& message : item.send().messages()) {
        on_message_(item.send(), message, now);
        if (reply.items_size() + 1 + static_cast<int>(receipts_.size()) > kFrameItems) {
          Say(reply);
          reply.clear_items();
        }
        v1::SendResult& result = *reply.add_items()->mutable_result();
        result.set_client_message_id(message.client_message_id());
        result.set_outcome(v1::SEND_OUTCOME_ACCEPTED);
        for (v1::ReceiptState state : receipts_) {
          v1::Receipt& receipt = *reply.add_items()->mutable_receipt();
          receipt.set_client_message_id(message.client_message_id());
          receipt.set_state(state);
        }
      }
    }
    if (reply.items_size() > 0) Say(reply);
    absl::MutexLock lock(&write_mutex_);
    answered_ = read_;
  }
  absl::MutexLock lock(&write_mutex_);
  ended_ = true;
}

}  // namespace mo::bench
