// The agent's side of a device stream: takes every message, reports receipts.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "messageorganizer/sims/v1/device.grpc.pb.h"

namespace mo::bench {

// Attached from its construction to its end, on a stream that is not made again when it breaks. Its
// end waits until what it has said is durable, for a while.
class DeviceAgent {
 public:
  // Called on the stream's thread with each message, and when it came.
  using OnMessage = std::function<void(const messageorganizer::sims::v1::SendBatch&,
                                       const messageorganizer::sims::v1::SendMessage&, absl::Time)>;

  // `receipts` follow the result of each message, in this order.
  DeviceAgent(const std::string& target, const std::string& token, int credit,
              std::vector<messageorganizer::sims::v1::ReceiptState> receipts, OnMessage on_message);
  ~DeviceAgent();

  // Sends what a customer has written.
  void Write(messageorganizer::sims::v1::Inbound inbound);
  // Unavailable once the gateway has ended the stream.
  absl::Status status() const;

 private:
  void Say(messageorganizer::sims::v1::AgentFrame& frame);
  void Read();
  // Whether the gateway has made durable all that it was told.
  bool Settled() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);

  const std::vector<messageorganizer::sims::v1::ReceiptState> receipts_;
  const OnMessage on_message_;
  std::unique_ptr<messageorganizer::sims::v1::DeviceAgentService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<messageorganizer::sims::v1::AgentFrame,
                                           messageorganizer::sims::v1::GatewayFrame>>
      stream_;
  absl::Mutex write_mutex_;
  int64_t seq_ ABSL_GUARDED_BY(write_mutex_) = 0;
  int64_t acked_ ABSL_GUARDED_BY(write_mutex_) = 0;     // of ours, by the gateway
  int64_t read_ ABSL_GUARDED_BY(write_mutex_) = 0;      // of the gateway's frames
  int64_t answered_ ABSL_GUARDED_BY(write_mutex_) = 0;  // of those, the last one with its results
  std::atomic<bool> ended_{false};
  std::thread reader_;
};

}  // namespace mo::bench
