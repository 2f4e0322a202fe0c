// The limits that a network puts on a SIM, and the question whether messages may leave now.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace mo::sims {

// At most `count` in any `window`; 0: no limit.
struct WindowLimit {
  int64_t count = 0;
  absl::Duration window = absl::Seconds(1);
};

// One message each `interval`; up to `burst` at once are borrowed from the future. Zero: no limit.
struct Spacing {
  absl::Duration interval = absl::ZeroDuration();
  int64_t burst = 1;
};

// What holds for one SIM.
struct SendLimits {
  WindowLimit sim = {};
  Spacing chat = {};            // each contact and each group
  WindowLimit group = {};       // each group
  WindowLimit recipients = {};  // different counted recipients
  // How many workers may ask for the SIM at the same time. When Redis is away, each keeps to this
  // share of the limits. 1: the asker holds the SIM's lease.
  int64_t workers = 1;
};

// Messages that are about to leave, at most 1,000.
struct SendAsk {
  struct To {
    std::string key = {};  // of the contact or group, short, e.g. its id in our database
    bool group = false;
    bool counted = false;  // among SendLimits::recipients: outside an open service window
  };
  // "<account>:<SIM>".
  std::string sim = {};
  // Whose SIMs share `recipients`, e.g. a Meta business portfolio; empty: the SIM has its own.
  std::string portfolio = {};
  bool interactive = false;
  std::vector<To> to = {};
};

// The answer. What passes counts as sent.
struct SendAnswer {
  // For each message InfinitePast (it passes), or when to ask again.
  std::vector<absl::Time> when;
  int64_t passed = 0;
  // How many different recipients count in their window now.
  int64_t recipients = 0;

  bool Passes(size_t i) const { return when[i] == absl::InfinitePast(); }
  // The first time that one of the others may pass; InfiniteFuture when all do.
  absl::Time Next() const;
};

}  // namespace mo::sims
