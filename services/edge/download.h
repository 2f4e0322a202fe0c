// A list that is too long for one answer, as one body.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "libs/http/server.h"
#include "libs/transcode/transcoder.h"

namespace mo::edge {

// Sends one page after the other, each when the client has read the one before: at most one is kept
// in memory. If a page cannot be had the body is broken off, for half a file must not look whole.
class Download : public std::enable_shared_from_this<Download> {
 public:
  using Done = std::function<void(absl::StatusOr<transcode::HttpBody>)>;
  // Asks for the page of a token; passes it once, on any thread. Must not block.
  using Fetch = std::function<void(const std::string& token, Done done)>;
  // Learns once how it went: OK, CANCELLED when the client has gone, or the error of a page.
  using End = std::function<void(const absl::Status& status)>;

  static void Start(http::Stream stream, transcode::HttpBody first, Fetch fetch, End end);

 private:
  Download(http::Stream stream, Fetch fetch, End end)
      : stream_(std::move(stream)), fetch_(std::move(fetch)), end_(std::move(end)) {}
  void Take(absl::StatusOr<transcode::HttpBody> page);
  void Send();

  http::Stream stream_;
  const Fetch fetch_;
  const End end_;
  // Only one step is under way at a time.
  transcode::HttpBody page_;
  size_t sent_ = 0;  // of it
};

}  // namespace mo::edge
