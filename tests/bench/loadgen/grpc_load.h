// Bare gRPC calls, as services make them.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tests/bench/loadgen/latencies.h"

namespace mo::bench {

struct GrpcOptions {
  std::string target;  // host:port
  std::string method;  // "/messageorganizer.accounts.v1.AccountService/GetAccount"
  std::string identity_key;
  int64_t account_id = 0;
  int concurrency = 16;
  double rate = 0;  // calls per second; 0: each caller calls again as soon as it was answered
  absl::Duration duration;
};

// Calls a method with an empty request, by the callback API, over one connection.
absl::Status RunGrpc(const GrpcOptions& options, Latencies& latencies);

}  // namespace mo::bench
