#include "tests/bench/loadgen/answer_load.h"

#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "libs/runtime/clock.h"
#include "libs/runtime/status.h"
#include "tests/bench/loadgen/device_agent.h"
#include "tests/bench/loadgen/schedule.h"

namespace mo::bench {
namespace {

namespace v1 = messageorganizer::sims::v1;

constexpr int kCredit = 10000;

// The customers, and the agent of the SIM they write to.
class Agent {
 public:
  Agent(const AnswerOptions& options, Answers& answers)
      : options_(options),
        answers_(answers),
        device_(options.target, options.agent_token, kCredit, {v1::RECEIPT_STATE_DELIVERED},
                [this](const v1::SendBatch&, const v1::SendMessage& message, absl::Time now) {
                  Got(message, now);
                }) {}

  // A customer writes; the answer's latency counts from `due`, into `latencies` too if given.
  void Write(int64_t sender, const std::string& text, absl::Time due, Latencies* latencies) {
    const std::string address = absl::StrFormat("+49%010d", options_.first_number + sender);
    v1::Inbound inbound;
    inbound.set_provider_message_id(absl::StrFormat("bench-%d-%d", options_.first_number, ++ids_));
    inbound.set_sender_address(address);
    inbound.mutable_content()->mutable_text()->set_body(text);
    *inbound.mutable_time() = ToProto(absl::Now());
    {
      absl::MutexLock lock(&mutex_);
      waiting_[address] = {due, latencies};
    }
    device_.Write(std::move(inbound));
  }

  // Until every sender has its answer, for a while at most; how many have none.
  size_t WaitForAll() {
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(this, &Agent::Settled), options_.patience);
    const size_t left = waiting_.size();
    waiting_.clear();
    return left;
  }
  absl::Status status() const { return device_.status(); }

 private:
  struct Waiting {
    absl::Time due;
    Latencies* latencies;
  };

  bool Settled() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return waiting_.empty() || !status().ok();
  }

  void Got(const v1::SendMessage& message, absl::Time now) {
    absl::MutexLock lock(&mutex_);
    if (!keys_.insert(message.client_message_id()).second) {
      ++answers_.repeated;
      return;
    }
    const auto found = waiting_.find(message.address());
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
  int64_t ids_ = 0;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_set<int64_t> keys_ ABSL_GUARDED_BY(mutex_);  // of all messages so far
  DeviceAgent device_;                                         // last: its thread uses the others
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
