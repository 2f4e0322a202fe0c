// The raw limit of sending to a provider: a bare loop of Boost.Beast's client.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace mo::bench {

struct SendLoopOptions {
  std::string host;  // an address
  int port = 0;
  std::string path;
  std::string access_token;
  int connections = 64;
  int messages = 100000;
};

// Posts messages as the WhatsApp driver writes them, each connection the next one as soon as it was
// answered, on the calling thread. A line of JSON: messages, seconds, seconds of CPU of the loop.
absl::StatusOr<std::string> RunSendLoop(const SendLoopOptions& options);

}  // namespace mo::bench
