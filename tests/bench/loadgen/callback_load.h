// WhatsApp's statuses of messages, signed, as callbacks.
#pragma once

#include <cstdint>
#include <string>

#include "tests/bench/loadgen/rest_load.h"

namespace mo::bench {

struct CallbackOptions {
  std::string number;  // phone_number_id
  std::string app_secret;
  int statuses = 1;  // in each callback
  // Dispatches with 1,000 recipients each, in whose order the statuses come, again and again.
  int64_t first_dispatch = 0;
  int dispatches = 0;
  std::string status;
};

// Makes a load's requests callbacks.
void MakeCallbacks(const CallbackOptions& callbacks, RestOptions& load);

}  // namespace mo::bench
