// REST requests over keep-alive connections.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tests/bench/loadgen/latencies.h"

namespace mo::bench {

struct RestOptions {
  std::string host;  // IPv4
  int port = 0;
  std::string method = "GET";
  std::string path;
  std::string api_key;
  // JSON; {n} becomes the number of the request, {due} when it was due, in microseconds since 1970,
  // {value} one of `values` after the other.
  std::string body;
  std::vector<std::string> values;
  // If set, makes each request's body, and lines for its head, from its number instead.
  struct Made {
    std::string body;
    std::string headers;  // each with \r\n
  };
  std::function<Made(uint64_t number)> make;
  int connections = 16;
  double rate = 0;  // requests per second; 0: each connection asks again as soon as it was answered
  absl::Duration duration;
  const std::atomic<bool>* stop = nullptr;  // ends it earlier, if rate > 0
};

// Runs the load on the calling thread. Answers other than 2xx are errors; the first is printed.
absl::Status RunRest(const RestOptions& options, Latencies& latencies);

}  // namespace mo::bench
