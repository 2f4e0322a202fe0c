// An agent's answers over REST while something else goes on: how long until each is at the phone.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tests/bench/loadgen/latencies.h"
#include "tests/bench/loadgen/rest_load.h"

namespace mo::bench {

struct DirectOptions {
  RestOptions rest;    // where and how often; method, path and body are set here
  std::string target;  // host:port of the gateway
  std::string agent_token;
  std::vector<std::string> contacts;  // "con_…" of the agent's SIM, written to in turns
  int credit = 1000;
};

// Holds the SIM of the contacts and writes to them until `lines` ends. The agent takes whatever
// comes for the SIM, with receipts sent, delivered and read. For every line that is read, and at
// the end, one line of JSON: {"phone", "post", "taken"}: latencies from when an answer was due
// until it was at the phone, and until REST had said so, and the messages of others that the agent
// took, since the last line.
absl::Status RunDirect(DirectOptions options, std::istream& lines, std::ostream& json);

}  // namespace mo::bench
