// A device agent that customers write to, and that waits for the product's answers.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tests/bench/loadgen/latencies.h"

namespace mo::bench {

struct AnswerOptions {
  std::string target;  // host:port of the gateway
  std::string agent_token;
  double rate = 200;  // inbound messages per second
  absl::Duration duration;
  int known = 500;                              // senders that have written before
  std::string keyword;                          // what known senders write
  int64_t first_number = 0;                     // senders are +49 and ten digits, from here on
  absl::Duration patience = absl::Seconds(10);  // for the last answers
};

// What came of it. Latencies count from when the message was due to be written until the answer has
// reached the agent.
struct Answers {
  Latencies welcome;  // strangers, who become contacts
  Latencies keyword;  // known senders
  Latencies all;
  size_t unanswered = 0;
  size_t repeated = 0;    // messages that came before with the same key: a device drops them
  size_t unexpected = 0;  // other messages to senders that wait for none: duplicates, or answers
                          // to somebody who wrote again before the answer had come
};

// Lets `known` senders write once, then alternates: one of them writes the keyword, a stranger
// writes something else. The agent accepts what it gets, with a receipt for the delivery.
absl::Status RunAnswers(const AnswerOptions& options, Answers& answers);

}  // namespace mo::bench
