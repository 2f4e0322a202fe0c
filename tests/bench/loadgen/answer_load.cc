#include "tests/bench/loadgen/answer_load.h"

#include <grpcpp/create_channel.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "libs/runtime/clock.h"
#include "libs/runtime/status.h"
#include "messageorganizer/sims/v1/device.grpc.pb.h"
#include "tests/bench/loadgen/schedule.h"

namespace mo::bench {
namespace {

namespace v1 = messageorganizer::sims::v1;

constexpr int kCredit = 10000;

// The agent's side of the stream.
class Agent {
 public:
  Agent(const AnswerOptions& options, Answers& answers)
      : options_(options),
        answers_(answers),
        stub_(v1::DeviceAgentService::NewStub(
            grpc::CreateChannel(options.target, grpc::InsecureChannelCredentials()))) {
    context_.AddMetadata("mo-agent-token", options.agent_token);
    stream_ = stub_->Attach(&context_);
    v1::AgentFrame frame;
    frame.add_items()->mutable_hello()->set_agent_id("bench");
    frame.mutable_items(0)->mutable_hello()->set_idempotent(true);
    frame.mutable_items(0)->mutable_hello()->set_credit(kCredit);
    Say(frame);
    reader_ = std::thread([this] { Read(); });
  }
  ~Agent() {
    context_.TryCancel();
    reader_.join();
  }

  // A customer writes; the answer's latency counts from `due`, into `latencies` too if given.
  void Write(int64_t sender, const std::string& text, absl::Time due, Latencies* latencies) {
    const std::string address = absl::StrFormat("+49%010d", options_.first_number + sender);
    v1::AgentFrame frame;
    v1::Inbound& inbound = *frame.add_items()->mutable_inbound();
    inbound.set_provider_message_id(absl::StrFormat("bench-%d-%d", options_.first_number, ++ids_));
    inbound.set_sender_address(address);
    inbound.mutable_content()->mutable_text()->set_body(text);
    *inbound.mutable_time() = ToProto(absl::Now());
    {
      absl::MutexLock lock(&mutex_);
      waiting_[address] = {due, latencies};
    }
    Say(frame);
  }

  // Until every sender has its answer, for a while at most; how many have none.
  size_t WaitForAll() {
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(this, &Agent::Settled), options_.patience);
    const size_t left = waiting_.size();
    waiting_.clear();
    return left;
  }
  absl::Status status() {
    absl::MutexLock lock(&mutex_);
    return ended_ ? absl::UnavailableError("the gateway has ended the stream") : absl::OkStatus();
  }

 private:
  struct Waiting {
    absl::Time due;
    Latencies* latencies;
  };

  bool Settled() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return waiting_.empty() || ended_; }

  void Say(v1::AgentFrame& frame) {
    absl::MutexLock lock(&write_mutex_);
    frame.set_seq(++seq_);
    frame.set_ack(read_.load());
    stream_->Write(frame);
  }

  void Read() {
    v1::GatewayFrame frame;
    while (stream_->Read(&frame)) {
      const absl::Time now = absl::Now();
      read_ = frame.seq();
      v1::AgentFrame reply;
      for (const v1::GatewayItem& item : frame.items()) {
        for (const v1::SendMessage& message : item.send().messages()) {
          Got(message.address(), now);
          v1::SendResult& result = *reply.add_items()->mutable_result();
          result.set_client_message_id(message.client_message_id());
          result.set_outcome(v1::SEND_OUTCOME_ACCEPTED);
          v1::Receipt& receipt = *reply.add_items()->mutable_receipt();
          receipt.set_client_message_id(message.client_message_id());
          receipt.set_state(v1::RECEIPT_STATE_DELIVERED);
        }
      }
      if (reply.items_size() > 0) Say(reply);
    }
    absl::MutexLock lock(&mutex_);
    ended_ = true;
  }

  void Got(const std::string& address, absl::Time now) {
    absl::MutexLock lock(&mutex_);
    const auto found = waiting_.find(address);
    if (found == waiting_.end()) {
      ++answers_.unexpected;
      return;
    }
    if (found->second.latencies != nullptr) {
      found->second.latencies->Add(now - found->second.due);
      answers_.all.Add(now - found->second.due);
    }
    waiting_.erase(found);
  }

  const AnswerOptions& options_;
  Answers& answers_;
  std::unique_ptr<v1::DeviceAgentService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::AgentFrame, v1::GatewayFrame>> stream_;
  absl::Mutex write_mutex_;
  int64_t seq_ ABSL_GUARDED_BY(write_mutex_) = 0;
  std::atomic<int64_t> read_{0};
  int64_t ids_ = 0;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread reader_;
};

}  // namespace

absl::Status RunAnswers(const AnswerOptions& options, Answers& answers) {
  Agent agent(options, answers);
  Schedule first(options.rate);
  for (int i = 0; i < options.known; ++i) {
    absl::SleepFor(first.next() - absl::Now());
    agent.Write(i, "Hello", first.Take(), nullptr);
  }
  if (agent.WaitForAll() > 0) return absl::DeadlineExceededError("known senders got no welcome");
  const absl::Time end = absl::Now() + options.duration;
  Schedule schedule(options.rate);
  for (int64_t i = 0; schedule.next() < end && agent.status().ok(); ++i) {
    absl::SleepFor(schedule.next() - absl::Now());
    if (i % 2 == 0) {
      agent.Write(i / 2 % options.known, options.keyword, schedule.Take(), &answers.keyword);
    } else {
      agent.Write(options.known + i / 2, "Good morning", schedule.Take(), &answers.welcome);
    }
  }
  answers.unanswered = agent.WaitForAll();
  return agent.status();
}

}  // namespace mo::bench
