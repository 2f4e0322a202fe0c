#include "services/edge/download.h"

#include <atomic>
#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "libs/http/client.h"
#include "libs/http/raw_client_test.h"

namespace mo::edge {
namespace {

constexpr size_t kPageBytes = 3'000'000;

// Three pages, larger than what a stream takes at once, or as many as `pages`; the one of the token
// `broken` fails.
struct Files {
  explicit Files(int count = 3, std::string broken_token = "")
      : pages(count), broken(std::move(broken_token)) {}

  static std::string Body(int page) {
    return std::string(kPageBytes, static_cast<char>('a' + page % 26));
  }
  transcode::HttpBody Page(int page) const {
    return {"text/csv", Body(page), page + 1 < pages ? absl::StrCat(page + 1) : ""};
  }

  const int pages;
  const std::string broken;
  std::atomic<int> fetched = 0;
  absl::Notification ended;
  absl::Status how;
  http::TestServer test{[this](http::Request, http::Responder responder) {
    Download::Start(
        responder.StartStream(200, {{"Content-Type", "text/csv"}}), Page(0),
        [this](const std::string& token, Download::Done done) {
          ++fetched;
          if (token == broken) return done(absl::UnavailableError("gone"));
          done(Page(std::stoi(token)));
        },
        [this](const absl::Status& status) {
          how = status;
          ended.Notify();
        });
  }};

  absl::StatusOr<http::Response> Get() {
    http::ClientRequest request;
    request.url = test.Url("/");
    request.allow_private = true;
    request.max_response_bytes = 100 << 20;
    return http::Client().Fetch(std::move(request));
  }
};

TEST_CASE("A list of many pages arrives as one body") {
  Files files;
  const absl::StatusOr<http::Response> file = files.Get();
  REQUIRE(file.ok());
  CHECK(file->status == 200);
  CHECK(file->body == absl::StrCat(Files::Body(0), Files::Body(1), Files::Body(2)));
  REQUIRE(files.ended.WaitForNotificationWithTimeout(http::kTestDeadline));
  CHECK(files.how.ok());
  CHECK(files.fetched == 2);
}

TEST_CASE("A list whose end cannot be had does not look whole") {
  Files files(3, "2");
  CHECK_FALSE(files.Get().ok());
  REQUIRE(files.ended.WaitForNotificationWithTimeout(http::kTestDeadline));
  CHECK(absl::IsUnavailable(files.how));
}

TEST_CASE("A client that does not read has no pages fetched for it, and none when it is gone") {
  Files files(1000);
  {
    http::RawClient client(files.test.server.port());
    client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    client.ReadUntil("\r\n\r\n");
    // What fits into the sockets' buffers leaves; three gigabytes do not.
    REQUIRE_FALSE(files.ended.WaitForNotificationWithTimeout(absl::Milliseconds(300)));
    CHECK(files.fetched < 10);
  }
  REQUIRE(files.ended.WaitForNotificationWithTimeout(http::kTestDeadline));
  CHECK(absl::IsCancelled(files.how));
  CHECK(files.fetched < 10);
}

}  // namespace
}  // namespace mo::edge
