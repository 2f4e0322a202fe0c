#include "libs/events/signal.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

namespace mo::events {

Signal::Signal() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (fd_ < 0) std::abort();  // out of descriptors at start-up
}

Signal::~Signal() { close(fd_); }

void Signal::Set() {
  const uint64_t one = 1;
  // Fails only when the counter is full: then it is set.
  [[maybe_unused]] const ssize_t written = write(fd_, &one, sizeof(one));
}

bool Signal::Clear() {
  uint64_t count = 0;
  return read(fd_, &count, sizeof(count)) == sizeof(count);
}

bool Signal::IsSet() const { return WaitReadable({fd_}, absl::ZeroDuration()); }

bool WaitReadable(std::initializer_list<int> fds, absl::Duration timeout) {
  std::vector<pollfd> polled;
  for (const int fd : fds) polled.push_back({fd, POLLIN, 0});
  const timespec limit = absl::ToTimespec(std::max(timeout, absl::ZeroDuration()));
  return ppoll(polled.data(), polled.size(), &limit, nullptr) > 0;
}

}  // namespace mo::events
