// A device agent for tests: the plain stream, under the test's control.
#pragma once

#include <grpcpp/create_channel.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "libs/testing/wait.h"
#include "messageorganizer/sims/v1/device.grpc.pb.h"

namespace mo::sims {

namespace v1 = messageorganizer::sims::v1;

// Attaches, records what it is told to send, answers only when asked to.
class TestAgent {
 public:
  TestAgent(int port, const std::string& token, bool idempotent = true, int credit = 1000)
      : stub_(v1::DeviceAgentService::NewStub(grpc::CreateChannel(
            "127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials()))) {
    context_.AddMetadata("mo-agent-token", token);
    stream_ = stub_->Attach(&context_);
    v1::AgentItem hello;
    hello.mutable_hello()->set_agent_id("test");
    hello.mutable_hello()->set_idempotent(idempotent);
    hello.mutable_hello()->set_credit(credit);
    Say({hello});
    reader_ = std::thread([this] { Read(); });
  }
  ~TestAgent() { Drop(); }

  // Cuts the stream, as a lost connection does.
  void Drop() {
    context_.TryCancel();
    if (reader_.joinable()) reader_.join();
  }

  // Sends a frame; its seq.
  int64_t Say(const std::vector<v1::AgentItem>& items) { return Say(items, read()); }
  int64_t Say(const std::vector<v1::AgentItem>& items, int64_t ack) {
    std::lock_guard lock(write_mutex_);
    v1::AgentFrame frame;
    frame.set_seq(++seq_);
    frame.set_ack(ack);
    for (const auto& item : items) *frame.add_items() = item;
    stream_->Write(frame);
    return seq_;
  }
  int64_t Result(int64_t key, v1::SendOutcome outcome, int64_t retry_after_ms = 0) {
    return Say({ResultItem(key, outcome, retry_after_ms)});
  }
  // A result that an earlier stream may have lost, said before anything of this one was read.
  int64_t Replay(int64_t key, v1::SendOutcome outcome) {
    return Say({ResultItem(key, outcome, 0)}, /*ack=*/0);
  }
  int64_t Receipt(int64_t key, v1::ReceiptState state) {
    v1::AgentItem item;
    item.mutable_receipt()->set_client_message_id(key);
    item.mutable_receipt()->set_state(state);
    return Say({item});
  }
  int64_t Write(const std::string& id, const std::string& from, const std::string& text) {
    v1::AgentItem item;
    item.mutable_inbound()->set_provider_message_id(id);
    item.mutable_inbound()->set_sender_address(from);
    item.mutable_inbound()->mutable_content()->mutable_text()->set_body(text);
    return Say({item});
  }

  void WaitForAck(int64_t seq) {
    testing::WaitFor([&] { return acked() >= seq; }, "an ack");
  }
  void WaitForSent(size_t count) {
    testing::WaitFor([&] { return sent().size() >= count; }, "messages to send");
  }
  void WaitForEnd() {
    testing::WaitFor([&] { return ended(); }, "the end of the stream");
  }

  // Address of each message to send, by key; a key that came twice counts in `copies`.
  std::map<int64_t, std::string> sent() const {
    std::lock_guard lock(mutex_);
    return sent_;
  }
  // In the order of arrival.
  std::vector<int64_t> order() const {
    std::lock_guard lock(mutex_);
    return order_;
  }
  // What it was asked to join and to leave, in the order of arrival.
  std::vector<v1::GatewayItem> commands() const {
    std::lock_guard lock(mutex_);
    return commands_;
  }
  std::string last_text() const {
    std::lock_guard lock(mutex_);
    return last_text_;
  }
  // The texts for an address, in the order of arrival, copies included.
  std::vector<std::string> texts(const std::string& address) const {
    std::lock_guard lock(mutex_);
    const auto found = texts_.find(address);
    return found == texts_.end() ? std::vector<std::string>() : found->second;
  }
  int64_t acked() const {
    std::lock_guard lock(mutex_);
    return acked_;
  }
  bool ended() const {
    std::lock_guard lock(mutex_);
    return ended_;
  }
  bool welcome() const {
    std::lock_guard lock(mutex_);
    return epoch_ != 0;
  }

 private:
  static v1::AgentItem ResultItem(int64_t key, v1::SendOutcome outcome, int64_t retry_after_ms) {
    v1::AgentItem item;
    item.mutable_result()->set_client_message_id(key);
    item.mutable_result()->set_outcome(outcome);
    item.mutable_result()->set_retry_after_ms(retry_after_ms);
    return item;
  }
  int64_t read() const {
    std::lock_guard lock(mutex_);
    return read_;
  }
  void Read() {
    v1::GatewayFrame frame;
    while (stream_->Read(&frame)) {
      std::lock_guard lock(mutex_);
      acked_ = frame.ack();
      read_ = frame.seq();
      for (const auto& item : frame.items()) {
        if (item.has_welcome()) epoch_ = item.welcome().lease_epoch();
        if (item.has_join_group() || item.has_leave_group()) commands_.push_back(item);
        for (const auto& message : item.send().messages()) {
          sent_[message.client_message_id()] = message.address();
          order_.push_back(message.client_message_id());
          last_text_ = item.send().content().text().body();
          texts_[message.address()].push_back(last_text_);
        }
      }
    }
    std::lock_guard lock(mutex_);
    ended_ = true;
  }

  std::unique_ptr<v1::DeviceAgentService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::AgentFrame, v1::GatewayFrame>> stream_;
  std::mutex write_mutex_;
  int64_t seq_ = 0;
  mutable std::mutex mutex_;
  std::map<int64_t, std::string> sent_;
  std::vector<int64_t> order_;
  std::vector<v1::GatewayItem> commands_;
  std::string last_text_;
  std::map<std::string, std::vector<std::string>> texts_;
  int64_t acked_ = 0;
  int64_t read_ = 0;
  int64_t epoch_ = 0;
  bool ended_ = false;
  std::thread reader_;
};

}  // namespace mo::sims
