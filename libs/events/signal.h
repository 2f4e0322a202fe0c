// Waking a thread that waits for sockets.
#pragma once

#include <initializer_list>

#include "absl/time/time.h"

namespace mo::events {

// Stays set until it is cleared. Thread-safe.
class Signal {
 public:
  Signal();
  ~Signal();
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  void Set();
  // True if it was set.
  bool Clear();
  bool IsSet() const;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

// Waits until one of the descriptors is readable (true) or the time is over. Negative descriptors
// are ignored.
bool WaitReadable(std::initializer_list<int> fds, absl::Duration timeout);

}  // namespace mo::events
