#include "services/edge/download.h"

#include <utility>

namespace mo::edge {
namespace {

// What is queued at once: a stream takes 1 MiB.
constexpr size_t kPiece = 256 << 10;

}  // namespace

void Download::Start(http::Stream stream, transcode::HttpBody first, Fetch fetch, End end) {
  std::shared_ptr<Download> download(
      new Download(std::move(stream), std::move(fetch), std::move(end)));
  download->Take(std::move(first));
}

void Download::Take(absl::StatusOr<transcode::HttpBody> page) {
  if (!page.ok()) {
    stream_.Abort();
    return end_(page.status());
  }
  page_ = *std::move(page);
  sent_ = 0;
  Send();
}

void Download::Send() {
  if (sent_ < page_.body.size()) {
    if (!stream_.Write(page_.body.substr(sent_, kPiece))) {
      return end_(absl::CancelledError("the client has gone"));
    }
    sent_ += kPiece;
    return stream_.OnDrained([self = shared_from_this()] { self->Send(); });
  }
  if (page_.next_page_token.empty()) {
    stream_.Close();
    return end_(absl::OkStatus());
  }
  const std::string token = std::exchange(page_.next_page_token, {});
  page_.body = {};
  fetch_(token, [self = shared_from_this()](absl::StatusOr<transcode::HttpBody> page) {
    self->Take(std::move(page));
  });
}

}  // namespace mo::edge
