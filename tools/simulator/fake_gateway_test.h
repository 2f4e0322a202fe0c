// A gateway for tests: the agents' server side, driven and looked at by the test.
#pragma once

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "messageorganizer/sims/v1/device.grpc.pb.h"

namespace mo::simulator {

namespace sims = messageorganizer::sims::v1;

// What the gateway saw of one token's streams, and the stream that is open.
class FakeGateway : public sims::DeviceAgentService::CallbackService {
 public:
  struct Options {
    int64_t heartbeat_ms = 15000;
    bool auto_ack = true;  // ack frames with the next frame, or at once
    // Runs for each frame, under the gateway's lock; for load tests that do not keep items.
    std::function<void(const sims::AgentFrame&)> on_frame;
    bool keep_items = true;
  };

  FakeGateway() : FakeGateway(Options()) {}
  explicit FakeGateway(Options options);
  ~FakeGateway() override;

  std::string address() const;

  // Everything seen so far, over all streams.
  struct Seen {
    std::vector<sims::AgentItem> items;  // without Hellos
    sims::AgentHello hello;              // the last one
    int attaches = 0;
    int open = 0;  // streams that were welcomed and have not ended
    int frames = 0;
    int64_t ack = 0;                  // of the last frame
    std::vector<std::string> errors;  // breaches of the contract by agents

    // The outcomes, or receipt states, of a key in the order they came.
    std::vector<sims::SendOutcome> Outcomes(int64_t key) const;
    std::vector<sims::ReceiptState> Receipts(int64_t key) const;
  };
  // Waits until `condition` holds; false after 10 s.
  bool Wait(const std::function<bool(const Seen&)>& condition);
  Seen Look();

  // Sends to the open stream of `token`. False if there is none.
  bool Send(const std::string& token, sims::GatewayItem item);
  // Acks everything received on the open stream.
  void Ack(const std::string& token);
  // Ends the open stream.
  void Drop(const std::string& token);

  grpc::ServerBidiReactor<sims::AgentFrame, sims::GatewayFrame>* Attach(
      grpc::CallbackServerContext* context) override;

 private:
  class Stream;

  const Options options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Stream*> open_;
  int streams_ = 0;
  Seen seen_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

// A batch of one text for recipients "address" with keys from `first_key` on.
sims::GatewayItem TextBatch(const std::string& text, int64_t first_key,
                            const std::vector<std::string>& addresses);

}  // namespace mo::simulator
